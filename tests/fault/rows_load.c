#include "fault/row.h"

const struct row load_rows[] = { { 0 } };
