/* Documents as a parser sees them that forgives nothing. */
#ifndef SUPPORT_XML_H
#define SUPPORT_XML_H

#include <stddef.h>

/* Why it is not well-formed; NULL: it is. */
const char *xml_fault(const char *text, size_t len);

/* How many elements of that name it has that have this attribute with this value among its words; attribute NULL: any. Ends the
 * program when it is not well-formed. */
int xml_count(const char *text, const char *element, const char *attribute, const char *word);

/* The n-th such element's text (from 0), that of elements inside it included, blanks run together; NULL: there are not so many. */
const char *xml_text(const char *text, const char *element, const char *attribute, const char *word, int n);

#endif
