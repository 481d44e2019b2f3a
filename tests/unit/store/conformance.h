/* The one suite that every back end of the object store passes. */
#ifndef ASSAY_TEST_STORE_CONFORMANCE_H
#define ASSAY_TEST_STORE_CONFORMANCE_H

#include "store/store.h"

/* Each takes a store that is empty, and asserts a part of the contract of store/store.h. */
typedef struct conformance_case {
    const char *name;
    void (*run)(const assay_store *store);
} conformance_case;

/* The cases; the last has no name. */
extern const conformance_case conformance_cases[];

/* One back end under test: makes an empty store, `user` is its own. */
typedef assay_store *conformance_open(void *user);

/* Runs all cases, each on a store of its own. */
void conformance_run(conformance_open *open, void *user);

#endif
