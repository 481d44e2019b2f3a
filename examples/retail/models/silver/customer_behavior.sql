/* ---
description: web behavior, one row per customer, session, moment and kind of event
mode: full
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
qualify row_number() over (
    partition by customer_id, coalesce(nullif(session_id, ''), behavior_id), event_timestamp, event_name
    order by behavior_id desc) = 1
