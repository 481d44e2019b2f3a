/* ---
description: web behavior, one row per customer, session, moment and kind of event
mode: merge
key: [customer_id, session_id, event_ts, event_type]
version: behavior_id
new_rows_of: [bronze.customer_behavior]
--- */
select
    behavior_id,
    customer_id,
    coalesce(nullif(session_id, ''), behavior_id) as session_id,
    event_timestamp as event_ts,
    event_name as event_type,
    page_url,
    device_type,
    browser,
    os,
    country,
    city,
    greatest(duration_seconds, 0) as duration_seconds,
    round(conversion_value, 2)::decimal(18, 2) as revenue,
    utm_source,
    utm_medium,
    utm_campaign,
    journey_stage,
    engagement_score
from bronze.customer_behavior
where customer_id is not null
