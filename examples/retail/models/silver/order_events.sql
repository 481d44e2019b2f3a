/* ---
description: order events of the stream with their payload parsed, the latest offset wins
mode: merge
key: [event_id]
version: offset
new_rows_of: [bronze.order_events]
--- */
select
    event_id,
    topic,
    "partition",
    "offset",
    "timestamp" as received_at,
    value ->> '$.order_id' as order_id,
    value ->> '$.customer_id' as customer_id,
    value ->> '$.event_type' as event_type,
    try_cast(value ->> '$.event_ts' as timestamp) as event_ts,
    try_cast(value ->> '$.amount' as decimal(18, 2)) as amount,
    value ->> '$.currency' as currency,
    value ->> '$.channel' as channel,
    value ->> '$.metadata.session_id' as session_id
from bronze.order_events
where json_valid(value)
