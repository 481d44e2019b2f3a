/* A text that the user wrote, with its place. */
#ifndef ASSAY_CONFIG_NAMED_H
#define ASSAY_CONFIG_NAMED_H

#include "config/file.h"

typedef struct assay_named {
    const char *text;
    int line, column;
} assay_named;

#endif
