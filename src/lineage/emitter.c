#include "lineage/emitter.h"

#include "base/mem.h"
#include "base/path.h"
#include "base/uuid.h"
#include "lineage/delivery.h"

#include <stdio.h>
#include <string.h>

enum { NAME_TRIES = 8, SLOW_US = 100 * 1000 };

/* ---- open ---- */

static assay_status make_parts(assay_lineage_emitter *emitter, assay_error *err)
{
    const assay_lineage_emitter_options *options = &emitter->options;
    char uuid[ASSAY_UUID_TEXT_SIZE];

    emitter->folder = assay_mem_copy_text(options->folder);
    emitter->cancel = assay_cancel_new();
    emitter->lock = assay_lock_new();
    emitter->changed = assay_condition_new();
    if (emitter->folder == NULL || emitter->cancel == NULL || emitter->lock == NULL ||
        emitter->changed == NULL)
        return assay_error_nomem(err);
    assay_uuid_format(assay_uuid_v7(&options->clock, &options->random), uuid);
    (void)snprintf(emitter->session, sizeof emitter->session, "segment-%s", uuid);
    if (assay_path_make(emitter->folder, err) != ASSAY_OK) {
        if (err != NULL && err->code != ASSAY_ENOMEM) {
            err->code = ASSAY_EIO;
            err->number = 6030;
        }
        return assay_error_wrap_status(err, ASSAY_EIO, "the lineage spool");
    }
    return ASSAY_OK;
}

static assay_status start_threads(assay_lineage_emitter *emitter, assay_error *err)
{
    const assay_lineage_config *config = emitter->options.config;

    /* All of them before the first thread reads the count. */
    for (size_t i = 0; i < config->transport_count; i++) {
        assay_delivery *delivery = &emitter->deliveries[i];
        delivery->emitter = emitter;
        delivery->index = i;
        ASSAY_TRY(assay_send_open(&config->transports[i], &emitter->options, emitter->cancel,
                                  &delivery->send, err));
    }
    emitter->delivery_count = config->transport_count;
    ASSAY_TRY(assay_thread_start(assay_keeper_run, emitter, &emitter->keeper, err));
    for (size_t i = 0; i < emitter->delivery_count; i++)
        ASSAY_TRY(assay_thread_start(assay_delivery_run, &emitter->deliveries[i],
                                     &emitter->deliveries[i].thread, err));
    return ASSAY_OK;
}

assay_status assay_lineage_open(const assay_lineage_emitter_options *options,
                                assay_lineage_emitter **ret_emitter, assay_error *err)
{
    assay_lineage_emitter *emitter = assay_mem_new(1, sizeof *emitter);
    if (emitter == NULL)
        return assay_error_nomem(err);

    emitter->options = *options;
    emitter->clock = assay_clock_system();
    emitter->segments = ASSAY_VEC_OF(assay_spool_segment *);
    assay_status status = ASSAY_OK;
    if (options->config->enabled) {
        status = make_parts(emitter, err);
        if (status == ASSAY_OK)
            status = start_threads(emitter, err);
    }
    if (status != ASSAY_OK) {
        assay_lineage_close(emitter, 0);
        return status;
    }
    *ret_emitter = emitter;
    return ASSAY_OK;
}

/* ---- emit ---- */

/* A new segment at the end of the list. With the lock. */
static assay_status begin_segment(assay_lineage_emitter *emitter, assay_error *err)
{
    assay_spool_segment *segment = NULL;
    assay_status status = ASSAY_EEXISTS;

    for (int i = 0; i < NAME_TRIES && status == ASSAY_EEXISTS; i++) {
        char name[ASSAY_SPOOL_NAME_SIZE + 16];
        (void)snprintf(name, sizeof name, "%s-%06d.jsonl", emitter->session, emitter->sequence++);
        status = assay_spool_create(emitter->folder, name, &segment, err);
    }
    ASSAY_TRY(status);
    status = assay_vec_push(&emitter->segments, &segment, err);
    if (status != ASSAY_OK) {
        assay_spool_delete(segment);
        assay_spool_free(segment);
        return status;
    }
    emitter->current = segment;
    emitter->new_segment = true;
    return ASSAY_OK;
}

static assay_status append_line(assay_lineage_emitter *emitter, const assay_buf *line,
                                assay_error *err)
{
    int64_t size = (int64_t)line->size;

    if (emitter->spool_bytes + size > emitter->options.config->spool_limit)
        return assay_error_set(err, ASSAY_EIO, 6031,
                               "the lineage spool has reached its limit of %lld bytes",
                               (long long)emitter->options.config->spool_limit);
    if (emitter->current == NULL || emitter->current->size > ASSAY_LINEAGE_SEGMENT_MAX)
        ASSAY_TRY(begin_segment(emitter, err));
    ASSAY_TRY(assay_spool_append(emitter->current, line->data, line->size, err));
    emitter->spool_bytes += size;
    emitter->counts.emitted++;
    emitter->counts.waiting += (int64_t)emitter->delivery_count;
    return ASSAY_OK;
}

static assay_status note_lost(assay_lineage_emitter *emitter, bool tell, assay_error *err)
{
    if (tell)
        assay_log_write(emitter->options.log, ASSAY_LOG_WARNING,
                        "lineage events are lost, the spool cannot take them: %s",
                        err != NULL ? err->message : "no reason");
    if (err != NULL) {
        err->code = ASSAY_EIO;
        err->number = 6031;
    }
    return ASSAY_EIO;
}

assay_status assay_lineage_emit(assay_lineage_emitter *emitter, const assay_lineage_event *event,
                                assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf line = ASSAY_BUF_EMPTY;
    assay_error mine = {.code = ASSAY_OK};
    assay_error *said = err != NULL ? err : &mine;

    if (emitter == NULL || emitter->lock == NULL)
        return ASSAY_OK;
    ASSAY_TRY(assay_lineage_event_write(event, &line, said));
    assay_buf_append_char(&line, '\n');
    ASSAY_TRY(assay_buf_check(&line, said));
    if (line.size > ASSAY_LINEAGE_EVENT_MAX)
        return assay_error_set(said, ASSAY_EDATA, 6021,
                               "the lineage event of '%s' has %zu bytes; the limit is %d",
                               event->job_name, line.size, (int)ASSAY_LINEAGE_EVENT_MAX);

    assay_lock_acquire(emitter->lock);
    assay_status status = append_line(emitter, &line, said);
    bool tell = status != ASSAY_OK && !emitter->told_lost;
    if (status != ASSAY_OK) {
        emitter->counts.lost++;
        emitter->told_lost = true;
    }
    assay_condition_broadcast(emitter->changed);
    assay_lock_release(emitter->lock);
    return status == ASSAY_OK ? ASSAY_OK : note_lost(emitter, tell, said);
}

/* ---- waiting ---- */

static bool is_synced(const assay_lineage_emitter *emitter)
{
    for (size_t i = 0; i < emitter->segments.count; i++) {
        const assay_spool_segment *segment = assay_emitter_segment(emitter, i);
        if (segment->synced < segment->size)
            return false;
    }
    return true;
}

assay_status assay_lineage_sync(assay_lineage_emitter *emitter, assay_error *err)
{
    if (emitter == NULL || emitter->lock == NULL)
        return ASSAY_OK;
    assay_lock_acquire(emitter->lock);
    while (!is_synced(emitter))
        assay_condition_wait(emitter->changed, emitter->lock);
    bool failed = emitter->sync_failed;
    assay_lock_release(emitter->lock);
    return failed ? assay_error_set(err, ASSAY_EIO, 6031,
                                    "lineage events may not be on disk: the spool cannot be synced")
                  : ASSAY_OK;
}

static int64_t now_us(const assay_lineage_emitter *emitter)
{
    return emitter->clock.monotonic_us(emitter->clock.user);
}

static bool has_work(const assay_lineage_emitter *emitter, size_t delivery)
{
    for (size_t i = 0; i < emitter->segments.count; i++) {
        const assay_spool_segment *segment = assay_emitter_segment(emitter, i);
        if (segment->done[delivery] < segment->size)
            return true;
    }
    return false;
}

/* True where no backend with work left looks as if it would take it soon: the last try failed, or
 * a request has been under way for long. */
static bool is_hopeless(const assay_lineage_emitter *emitter)
{
    for (size_t i = 0; i < emitter->delivery_count; i++) {
        const assay_delivery *delivery = &emitter->deliveries[i];
        bool remote = emitter->options.config->transports[i].backend == ASSAY_LINEAGE_HTTP;
        bool slow = remote && delivery->busy_since_us != 0 &&
                    now_us(emitter) - delivery->busy_since_us >= SLOW_US;
        if (has_work(emitter, i) && !delivery->failing && !slow)
            return false;
    }
    return true;
}

/* With the lock. */
static bool wait_delivered(assay_lineage_emitter *emitter, int64_t timeout_ms, bool give_up)
{
    enum { STEP_MS = 10 };
    int64_t end = now_us(emitter) + timeout_ms * 1000;

    while (!emitter->adopted || emitter->counts.waiting > 0) {
        int64_t left = (end - now_us(emitter)) / 1000;
        if (left <= 0 || (give_up && emitter->adopted && is_hopeless(emitter)))
            return false;
        (void)assay_condition_wait_ms(emitter->changed, emitter->lock,
                                      give_up && left > STEP_MS ? STEP_MS : left);
    }
    return true;
}

bool assay_lineage_drain(assay_lineage_emitter *emitter, int64_t timeout_ms)
{
    if (emitter == NULL || emitter->lock == NULL)
        return true;
    assay_lock_acquire(emitter->lock);
    bool done = wait_delivered(emitter, timeout_ms, false);
    assay_lock_release(emitter->lock);
    return done;
}

assay_lineage_counts assay_lineage_emitter_counts(assay_lineage_emitter *emitter)
{
    assay_lineage_counts counts = {0};

    if (emitter == NULL || emitter->lock == NULL)
        return counts;
    assay_lock_acquire(emitter->lock);
    counts = emitter->counts;
    assay_lock_release(emitter->lock);
    return counts;
}

/* ---- close ---- */

static void stop_threads(assay_lineage_emitter *emitter, int64_t timeout_ms)
{
    assay_lock_acquire(emitter->lock);
    if (emitter->keeper != NULL)
        (void)wait_delivered(emitter, timeout_ms, true);
    emitter->stopping = true;
    assay_cancel_request(emitter->cancel, 0);
    assay_condition_broadcast(emitter->changed);
    assay_lock_release(emitter->lock);
    for (size_t i = 0; i < emitter->delivery_count; i++)
        assay_thread_join(emitter->deliveries[i].thread);

    assay_lock_acquire(emitter->lock);
    emitter->ending = true;
    assay_condition_broadcast(emitter->changed);
    assay_lock_release(emitter->lock);
    assay_thread_join(emitter->keeper);
}

static void tell_rest(const assay_lineage_emitter *emitter)
{
    const assay_lineage_counts *counts = &emitter->counts;

    if (counts->refused > 0)
        assay_log_write(emitter->options.log, ASSAY_LOG_WARNING,
                        "%lld lineage events were refused; they lie in '%s/refused-*.jsonl'",
                        (long long)counts->refused, emitter->folder);
    if (counts->lost > 0)
        assay_log_write(emitter->options.log, ASSAY_LOG_WARNING, "%lld lineage events are lost",
                        (long long)counts->lost);
    if (counts->waiting > 0)
        assay_log_write(emitter->options.log, ASSAY_LOG_INFO,
                        "%lld lineage events wait in '%s' for the next run",
                        (long long)counts->waiting, emitter->folder);
}

void assay_lineage_close(assay_lineage_emitter *emitter, int64_t timeout_ms)
{
    if (emitter == NULL)
        return;
    if (emitter->lock != NULL && emitter->changed != NULL && emitter->cancel != NULL) {
        stop_threads(emitter, timeout_ms);
        tell_rest(emitter);
    }
    for (size_t i = 0; i < ASSAY_LINEAGE_TRANSPORTS_MAX; i++)
        assay_send_free(emitter->deliveries[i].send);
    for (size_t i = 0; i < emitter->segments.count; i++)
        assay_spool_free(assay_emitter_segment(emitter, i));
    assay_vec_done(&emitter->segments);
    assay_condition_free(emitter->changed);
    assay_lock_free(emitter->lock);
    assay_cancel_free(emitter->cancel);
    assay_mem_free(emitter->folder);
    assay_mem_free(emitter);
}

void assay_lineage_closep(assay_lineage_emitter **emitter)
{
    assay_lineage_close(*emitter, ASSAY_LINEAGE_CLOSE_MS);
    *emitter = NULL;
}
