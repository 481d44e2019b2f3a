/* ---
description: web behavior by day, device and kind of event
mode: full
tags: [marketing]
--- */
select
    event_ts::date as event_date,
    device_type,
    event_type,
    count(*) as event_count,
    count(distinct session_id) as session_count,
    count(distinct customer_id) as customer_count,
    sum(revenue)::decimal(18, 2) as revenue,
    round(avg(duration_seconds), 2) as average_duration_seconds
from silver.customer_behavior
group by all
