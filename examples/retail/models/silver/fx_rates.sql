/* ---
description: one rate per day and currency; the daily file wins, the quotes fill its gaps
mode: full
--- */
with sources as (
    select trade_date, base_ccy, quote_ccy as counter_ccy, fx_rate as rate, 1 as preference
    from bronze.fx_rates
    union all
    select "date"::date, base_currency, target_currency, exchange_rate, 2
    from bronze.fx_quotes
)
select
    trade_date,
    upper(base_ccy) as base_ccy,
    upper(counter_ccy) as counter_ccy,
    rate::decimal(18, 6) as rate,
    case preference when 1 then 'daily' else 'quote' end as rate_source
from sources
where rate > 0
qualify row_number() over (
    partition by trade_date, upper(base_ccy), upper(counter_ccy) order by preference, rate) = 1
