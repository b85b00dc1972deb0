#include "fault/row.h"

const struct row backlog_rows[] = { { 0 } };
