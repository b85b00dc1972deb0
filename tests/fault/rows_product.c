#include "fault/row.h"

const struct row product_rows[] = { { 0 } };
