/* Files of settings, which spawn.sh and ordersctl read alike. */
#ifndef VECTORS_ENV_H
#define VECTORS_ENV_H

static const struct {
	const char *text;
	const char *settings; /* NAME=[value] and a blank for each, in front of the bad line */
	int bad_line;	      /* 0: none */
	const char *why;
} env_vectors[] = {
	{ "", "", 0, "nothing" },
	{ "A=1\nB=2\n", "A=[1] B=[2] ", 0, "two" },
	{ "A=1", "A=[1] ", 0, "the last line without its end" },
	{ "\n  \n# A=1\n ;B=2\n\tC=3 \r\n", "C=[3] ", 0, "empty lines, comments, white space" },
	{ "A=\"x y\"\nB='x \"y'\nC=\" x \"\nD=x\"\nE=''\n", "A=[x y] B=[x \"y] C=[ x ] D=[x\"] E=[] ", 0,
	  "quotes" },
	{ "A=x=y\n", "A=[x=y] ", 0, "a value with =" },
	{ "A= x\nB= \t\"y\" \r\nC= \n", "A=[x] B=[y] C=[] ", 0, "blanks before a value" },
	{ "A='a'\\''b'\nB=\\n$C\n", "A=[a'\\''b] B=[\\n$C] ", 0, "no escapes" },
	{ "\357\273\277A=1\n", "A=[1] ", 0, "a mark before the first line" },
	{ "\357\273\277# saved elsewhere\r\nA=1\r\n", "A=[1] ", 0, "a mark before a comment" },
	{ "A=1\nB=\"\n", "A=[1] ", 2, "a quote alone" },
	{ "A=\"x\n", "", 1, "a quote that does not end" },
	{ "A='x\"\n", "", 1, "one quote and another" },
	{ "A=1\nB\nC=3\n", "A=[1] ", 2, "no =" },
	{ "1A=1\n", "", 1, "a digit first" },
	{ "=1\n", "", 1, "no name" },
	{ "A B=1\n", "", 1, "a name with a blank" },
	{ "A =1\n", "", 1, "a blank behind the name" },
	{ "A-B=1\n", "", 1, "a name with a dash" },
};

#endif
