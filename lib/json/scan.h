/* What judging a text (scan.c: json_check()) and walking one that was judged (json.c) have in common. For this folder alone. */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

/* The first byte from p on that is not white space (RFC 8259), or end. */
const char *json_skip_space(const char *p, const char *end);

#endif
