/* The commit that a gate has allowed: state file, format commit, rebase after a lost race. */
#ifndef ASSAY_TABLE_COMMIT_H
#define ASSAY_TABLE_COMMIT_H

#include "table/stage.h"
#include "table/state.h"

/* Proof that a gate was open. Only src/quality makes one (assay_gate_open); a commit without it
 * does not compile into anything: the function below refuses NULL and a token for other files. */
typedef struct assay_gate_token assay_gate_token;

/* For src/quality alone: a token for the table `name` and staging id, with the verdict text. */
assay_gate_token *assay_gate_token_new(assay_arena *arena, const char *table_name,
                                       const char *stage_id, const char *verdict,
                                       const char *suite_hash);
const char *assay_gate_token_verdict(const assay_gate_token *token);

typedef struct assay_commit_request assay_commit_request;

/* Asked after a lost race: the table as it is now. ASSAY_OK = the change holds on `now` (the callee
 * may have changed *request), else the status the commit ends with. */
typedef assay_status assay_commit_recheck(void *user, const assay_table *now,
                                          assay_commit_request *request, assay_error *err);

struct assay_commit_request {
    const assay_table *base; /* after a lost race: the table as it is now */
    assay_change change;     /* state_path, verdict and commit_id are filled here */
    assay_state_file state;  /* number, commit_id and verdict are filled here */
    const char *stage_id;
    const assay_state_file *previous; /* may be NULL */
    assay_store *store;
    struct assay_conn *conn;
    assay_commit_recheck *recheck; /* may be NULL */
    void *recheck_user;
};

/* Commits with at most 4 retries after a definite conflict. An append holds on a later state of the
 * table unless its shape changed or another run consumed the same file or the same rows of an input
 * (ECONFLICT 4040); where it holds, `recheck` is asked too, if there is one. Other kinds need
 * `recheck`: without one they end with 4040. An overwrite that it lets pass goes by the rules of an
 * append for what was consumed. An unknown outcome is decided by looking for commit_id
 * in the reloaded table; where that is not possible it is EUNKNOWN_OUTCOME 4041, and the caller
 * keeps the staged files. */
ASSAY_NODISCARD assay_status assay_table_commit(assay_commit_request *request,
                                                const assay_gate_token *token,
                                                const assay_commit_env *env, assay_arena *arena,
                                                const assay_snapshot **ret_snapshot,
                                                assay_error *err);

/* Whether files that were staged for one fit the other: columns with their ids and types, and
 * partitioning. */
bool assay_table_same_shape(const assay_table *a, const assay_table *b);

#endif
