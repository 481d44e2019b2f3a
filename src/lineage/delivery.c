#include "lineage/delivery.h"

#include "net/http.h"
#include "text/json.h"

#include <stdio.h>
#include <string.h>

enum { RETRY_AFTER_MAX_MS = 3600 * 1000 };

/* What one try is about. */
struct job {
    assay_spool_segment *segment;
    int64_t from, to;
};

assay_spool_segment *assay_emitter_segment(const assay_lineage_emitter *emitter, size_t index)
{
    return *(assay_spool_segment **)assay_vec_at(&emitter->segments, index);
}

static const assay_lineage_transport *transport_of(const assay_delivery *delivery)
{
    return &delivery->emitter->options.config->transports[delivery->index];
}

/* The oldest bytes that this transport has not got; none before leftovers were taken over, since
 * theirs go first. With the lock. */
static bool find_job(const assay_delivery *delivery, struct job *ret_job)
{
    const assay_lineage_emitter *emitter = delivery->emitter;

    for (size_t i = 0; emitter->adopted && i < emitter->segments.count; i++) {
        assay_spool_segment *segment = assay_emitter_segment(emitter, i);
        int64_t done = segment->done[delivery->index];
        if (done < segment->size) {
            *ret_job = (struct job){segment, done, segment->size};
            return true;
        }
    }
    return false;
}

static void warn(const assay_delivery *delivery, const char *what, const char *reason)
{
    assay_log_write(delivery->emitter->options.log, ASSAY_LOG_WARNING,
                    "lineage backend '%s' %s: %s", transport_of(delivery)->name, what, reason);
}

/* A refused event with the answer, as one line beside the spool. */
static assay_status keep_refused(const assay_delivery *delivery, const assay_buf *block,
                                 const assay_send_result *result, assay_error *err)
{
    ASSAY_AUTO(assay_buf_done) assay_buf path = ASSAY_BUF_EMPTY;
    ASSAY_AUTO(assay_buf_done) assay_buf line = ASSAY_BUF_EMPTY;
    const assay_lineage_emitter *emitter = delivery->emitter;
    assay_json_writer writer = assay_json_writer_init(&line);
    char time[ASSAY_TIME_TEXT_SIZE];

    assay_time_format(emitter->options.clock.now_us(emitter->options.clock.user), time);
    assay_json_begin_map(&writer);
    assay_json_key(&writer, "time");
    assay_json_text(&writer, time);
    assay_json_key(&writer, "status");
    assay_json_int(&writer, result->status);
    assay_json_key(&writer, "reason");
    assay_json_text(&writer, result->reason);
    assay_json_key(&writer, "answer");
    assay_json_text(&writer, assay_buf_text(&result->answer));
    assay_json_key(&writer, "event");
    size_t size = result->bytes > 0 && block->data[result->bytes - 1] == '\n' ? result->bytes - 1
                                                                              : result->bytes;
    /* The event is a line of JSON already, unless the spool is broken. */
    if (size > 1 && block->data[0] == '{' && block->data[size - 1] == '}') {
        assay_buf_append(&line, block->data, size);
    } else {
        ASSAY_AUTO(assay_buf_done) assay_buf text = ASSAY_BUF_EMPTY;
        for (size_t i = 0; i < size; i++)
            assay_buf_append_char(&text, block->data[i] != '\0' ? block->data[i] : ' ');
        ASSAY_TRY(assay_buf_check(&text, err));
        assay_json_text(&writer, assay_buf_text(&text));
    }
    assay_json_end_map(&writer);
    assay_buf_append_char(&line, '\n');
    assay_spool_refused_path(emitter->folder, transport_of(delivery)->name, &path);
    ASSAY_TRY(assay_buf_check(&path, err));
    ASSAY_TRY(assay_buf_check(&line, err));
    return assay_send_append(path.data, line.data, line.size, err);
}

/* What a power cut may leave in a line: it is no event, and no backend is asked. */
static bool is_broken(const assay_buf *block, size_t *ret_bytes)
{
    const char *end = memchr(block->data, '\n', block->size);
    size_t size = end != NULL ? (size_t)(end - block->data) : block->size;

    *ret_bytes = size + (end != NULL ? 1 : 0);
    return size < 2 || block->data[0] != '{' || block->data[size - 1] != '}' ||
           memchr(block->data, '\0', size) != NULL;
}

/* One try, without the lock. Afterwards the result is DELIVERED, REFUSED (and kept), RETRY or
 * STOPPED. */
static void try_job(const assay_delivery *delivery, const struct job *job,
                    assay_send_result *result)
{
    ASSAY_AUTO(assay_buf_done) assay_buf block = ASSAY_BUF_EMPTY;
    assay_error error = {.code = ASSAY_OK};
    size_t bytes = 0;

    *result = (assay_send_result){.outcome = ASSAY_SEND_RETRY, .retry_after_ms = -1};
    assay_status status = assay_spool_read(job->segment, job->from, job->to, &block, &error);
    if (status == ASSAY_OK && is_broken(&block, &bytes)) {
        result->outcome = ASSAY_SEND_REFUSED;
        result->bytes = bytes;
        result->events = 1;
        (void)snprintf(result->reason, sizeof result->reason,
                       "E6032 the spool holds no event here");
    } else if (status == ASSAY_OK) {
        assay_send_block(delivery->send, &block, result);
    }
    if (status == ASSAY_OK && result->outcome == ASSAY_SEND_REFUSED)
        status = keep_refused(delivery, &block, result, &error);
    if (status == ASSAY_OK &&
        (result->outcome == ASSAY_SEND_DELIVERED || result->outcome == ASSAY_SEND_REFUSED))
        status = assay_spool_save(job->segment, transport_of(delivery)->name,
                                  job->from + (int64_t)result->bytes, &error);
    if (status != ASSAY_OK) {
        result->outcome = ASSAY_SEND_RETRY;
        (void)snprintf(result->reason, sizeof result->reason, "%.*s",
                       (int)sizeof result->reason - 1, error.message);
    }
}

/* With the lock. */
static void take_result(assay_delivery *delivery, const struct job *job,
                        const assay_send_result *result, bool *first_failure)
{
    assay_lineage_emitter *emitter = delivery->emitter;
    assay_lineage_counts *counts = &emitter->counts;

    delivery->busy_since_us = 0;
    *first_failure = false;
    switch (result->outcome) {
    case ASSAY_SEND_DELIVERED:
        counts->delivered += (int64_t)result->events;
        break;
    case ASSAY_SEND_REFUSED:
        *first_failure = counts->refused == 0;
        counts->refused += (int64_t)result->events;
        break;
    case ASSAY_SEND_RETRY:
        *first_failure = !delivery->failing;
        delivery->failing = true;
        counts->retries++;
        return;
    case ASSAY_SEND_STOPPED:
        return;
    }
    delivery->failing = false;
    counts->waiting -= (int64_t)result->events;
    job->segment->done[delivery->index] += (int64_t)result->bytes;
}

static int64_t now_ms(const assay_lineage_emitter *emitter)
{
    return emitter->clock.monotonic_us(emitter->clock.user) / 1000;
}

/* Waits before the next try, with the lock; other changes wake it up in between. */
static void pause_for(const assay_delivery *delivery, int64_t wait_ms)
{
    assay_lineage_emitter *emitter = delivery->emitter;
    int64_t end = now_ms(emitter) + wait_ms;

    for (int64_t now = now_ms(emitter); now < end && !emitter->stopping; now = now_ms(emitter))
        (void)assay_condition_wait_ms(emitter->changed, emitter->lock, end - now);
}

static int64_t wait_before(const assay_delivery *delivery, const assay_send_result *result,
                           int attempt)
{
    const assay_lineage_transport *transport = transport_of(delivery);
    const assay_random *random = &delivery->emitter->options.random;
    uint32_t bits = 0;

    random->fill(random->user, &bits, sizeof bits);
    int64_t wait = assay_http_backoff_ms(attempt, transport->wait_ms, transport->wait_max_ms, bits);
    int64_t asked =
        result->retry_after_ms < RETRY_AFTER_MAX_MS ? result->retry_after_ms : RETRY_AFTER_MAX_MS;
    return asked > wait ? asked : wait;
}

/* One try and what follows from it; with the lock, which is given back while it sends. */
static void work(assay_delivery *delivery, const struct job *job, int *attempt)
{
    assay_lineage_emitter *emitter = delivery->emitter;
    assay_send_result result;
    bool first = false;

    delivery->busy_since_us = emitter->clock.monotonic_us(emitter->clock.user);
    assay_lock_release(emitter->lock);
    try_job(delivery, job, &result);
    assay_lock_acquire(emitter->lock);
    take_result(delivery, job, &result, &first);
    assay_condition_broadcast(emitter->changed);
    if (first) {
        assay_lock_release(emitter->lock);
        warn(delivery,
             result.outcome == ASSAY_SEND_REFUSED
                 ? "refuses an event, which is kept beside the spool"
                 : "takes no events, they wait in the spool",
             result.reason);
        assay_lock_acquire(emitter->lock);
    }
    if (result.outcome == ASSAY_SEND_RETRY)
        pause_for(delivery, wait_before(delivery, &result, (*attempt)++));
    else
        *attempt = 0;
    assay_send_result_done(&result);
}

void assay_delivery_run(void *argument)
{
    assay_delivery *delivery = argument;
    assay_lineage_emitter *emitter = delivery->emitter;
    int attempt = 0;

    assay_lock_acquire(emitter->lock);
    while (!emitter->stopping) {
        struct job job;
        if (find_job(delivery, &job))
            work(delivery, &job, &attempt);
        else
            assay_condition_wait(emitter->changed, emitter->lock);
    }
    assay_lock_release(emitter->lock);
}
