/* A project in a temporary folder, an engine, and steps that do as they are told. */
#ifndef ASSAY_TEST_PIPELINE_FIXTURE_H
#define ASSAY_TEST_PIPELINE_FIXTURE_H

#include "base/thread.h"
#include "pipeline/run.h"
#include "support/folder.h"

enum { FAKE_TABLES_MAX = 32, LOG_SIZE = 8192, BROKEN_NUMBER = 2202 };

/* What lies in the warehouse, and how the step of the table behaves. */
typedef struct fake_table {
    const char *name;
    bool exists;
    int64_t snapshot;
    assay_column *columns;
    size_t column_count;
    /* behaviour: */
    assay_status broken;    /* of columns; ASSAY_OK = the contract's are given */
    bool unreached;         /* columns says so, and gives them */
    assay_status status;    /* of run; ASSAY_OK = commits a snapshot */
    int fail_times;         /* then it goes well; 0 = always */
    assay_skip_reason skip; /* not NONE: skipped for that reason */
    int wait_ms;            /* how long run takes */
    bool stubborn;          /* does not notice an interrupt */
    bool publishes;         /* a step that ends well has done this: */
    assay_publication publication;
    /* what was seen: */
    int runs, aborted;
    int64_t read_snapshot; /* of the first input */
    bool full_refresh;
    char key[65];
} fake_table;

typedef struct shop {
    test_folder *folder;
    assay_arena *arena;
    assay_engine *engine;
    assay_conn *conn;
    assay_clock clock;
    assay_random random;
    assay_cancel *cancel;
    assay_store *store;
    assay_step_env env;
    assay_project *project;
    assay_error err;
    assay_lock *lock; /* guards what follows */
    fake_table tables[FAKE_TABLES_MAX];
    size_t table_count;
    char order[LOG_SIZE];  /* names in the order of their runs, "a.x b.y " */
    char events[LOG_SIZE]; /* "begin: start:a.x finish:a.x=done .. end: " */
    int running, most_running;
    int recovered;
    bool recover_committed;
    int begun, ended;
    const char *judged, *against; /* the gate of `judged` looks at `against` */
} shop;

int fixture_setup(void **state);

/* The same on the project that lies in `path`, for a process of its own; it is not removed. */
int fixture_join(shop *fixture, const char *path);
int fixture_teardown(void **state);

/* Writes a file of the project. */
void fixture_write(shop *fixture, const char *path, const char *text);

/* Opens the project from scratch and builds its graph. */
assay_status fixture_open(shop *fixture);

/* The fake of a table; made where there is none. */
fake_table *fixture_table(shop *fixture, const char *name);

/* Publishes a table with INTEGER columns. */
fake_table *fixture_publish(shop *fixture, const char *name, const char *const *columns,
                            size_t count);

/* Runs with the options; the sink is the fixture's. */
assay_status fixture_run(shop *fixture, assay_run_options options, assay_run_result **ret_result);

/* The step of a table in a result. */
const assay_run_step *fixture_step(const assay_run_result *result, const char *table);

/* Fails the test unless err is this. */
void fixture_expect(const shop *fixture, int number, const char *path, int line, int column,
                    const char *part);

#endif
