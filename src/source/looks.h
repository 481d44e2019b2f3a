/* What was seen in the files of sources: a run looks into a file while it compiles and again when
 * it loads, and sees the same as long as size and time of change are the same.
 *
 * Thread rule: shared by all threads. */
#ifndef ASSAY_SOURCE_LOOKS_H
#define ASSAY_SOURCE_LOOKS_H

#include "source/source.h"

assay_source_looks *assay_source_looks_new(void); /* NULL when memory is short */
void assay_source_looks_freep(assay_source_looks **looks);

/* Remembers hash and look of a file of the source of `model`; short memory forgets them. */
void assay_source_looks_note(assay_source_looks *looks, const char *model,
                             const assay_source_file *file);

/* Fills what is remembered of that path with that size and time; it lives as long as `looks`.
 * False, and nothing filled, where nothing is. */
bool assay_source_looks_recall(assay_source_looks *looks, const char *model,
                               assay_source_file *file);

#endif
