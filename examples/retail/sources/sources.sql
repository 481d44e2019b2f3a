-- The raw files of the retail example, made by the engine itself. Every value is a function of the
-- row number, the name of the column and the seed, so equal arguments give equal bytes.
--
-- Variables: seed, scale (1 = 100,000 orders), export_day (the day of the export).
-- A line "-- file PATH FORMAT" makes the SELECT below it one file. With a number of DAYS behind it there
-- is one for each of the last days before the export, with the variable day and {day} in the path.

create macro dice(i, what) as (hash(i, what, getvariable('seed')) >> 11)::double / 9007199254740992;
create macro pick(i, what, items) as items[1 + floor(dice(i, what) * len(items))::bigint];
create macro between_days(i, what, days) as
    getvariable('export_day') - interval (floor(dice(i, what) * days)::bigint) day;
create macro moment(i, what, days) as
    getvariable('export_day')::timestamp - interval (floor(dice(i, what) * days * 86400)::bigint) second;
create macro gap(i, what, share, value) as case when dice(i, what) < share then null else value end;
create macro code(prefix, i, width) as prefix || lpad(i::varchar, width, '0');
create macro money(i, what, low, high) as round(low + dice(i, what) * (high - low), 2);
create macro rows_of(base) as greatest(1, (base * getvariable('scale'))::bigint);
create macro feed_begin() as (getvariable('export_day') - interval 7 day)::date;
create macro today() as getvariable('day')::date;
create macro on_day(i, what, day) as dice(i, what || strftime(day, '%Y-%m-%d'));
create macro time_of_day(i, what, day) as day::timestamp + to_seconds(floor(on_day(i, what, day) * 86400)::bigint);

-- The whole of each source. The last seven days of it come as daily drops.

create macro all_customers() as table
select
    i,
    code('CUST-', i, 6) as customer_id,
    'Customer' || (1 + floor(dice(i, 'first_name') * 1000))::bigint as first_name,
    'Last' || (floor(dice(i, 'last_name') * 500))::bigint as last_name,
    'customer' || i || case when dice(i, 'email') < 0.02 then '_at_' else '@' end || 'example.com' as email,
    case when dice(i, 'phone_kind') < 0.03 then lpad((floor(dice(i, 'phone') * 1e10))::bigint::varchar, 10, '0')
         else lpad((floor(dice(i, 'phone') * 1000))::bigint::varchar, 3, '0') || '.'
              || lpad((floor(dice(i, 'phone2') * 1000))::bigint::varchar, 3, '0') || '.'
              || lpad((floor(dice(i, 'phone3') * 10000))::bigint::varchar, 4, '0') end as phone,
    gap(i, 'address_gap', 0.05, (1 + floor(dice(i, 'address') * 9999))::bigint || ' Customer St') as address,
    gap(i, 'city_gap', 0.02, 'City' || floor(dice(i, 'city') * 200)::bigint) as city,
    pick(i, 'state', ['CA', 'TX', 'NY', 'FL', 'GA', 'IL', 'WA', 'OH', 'NC']) as state,
    pick(i, 'country', ['US', 'CA', 'GB', 'DE', 'FR', 'JP', 'AU', 'BR', 'IN', 'MX']) as country,
    (10001 + floor(dice(i, 'zip') * 89999))::bigint as zip_code,
    between_days(i, 'registered', 1826)::date as registration_date,
    pick(i, 'gender', ['F', 'M', 'Other']) as gender,
    (18 + floor(dice(i, 'age') * 63))::bigint as age,
    pick(i, 'segment', ['ENTERPRISE', 'SMB', 'PUBLIC', 'CONSUMER', 'UNKNOWN']) as customer_segment,
    money(i, 'value', 5, 100000) as lifetime_value,
    gap(i, 'purchase_gap', 0.1, between_days(i, 'purchase', 730)::date) as last_purchase_date,
    floor(dice(i, 'orders') * 101)::bigint as total_orders,
    pick(i, 'channel', ['Email', 'Phone', 'SMS', 'Web']) as preferred_channel,
    moment(i, 'created', 1826) - interval 30 day as created_at,
    moment(i, 'updated', 30) - interval 7 day as updated_at,
    'snowflake' as source_system,
    getvariable('export_day')::timestamp as ingestion_timestamp,
    money(i, 'clv', 4, 150000) as estimated_clv
from range(1, rows_of(50000) + 1) t(i);

create macro all_products() as table
select
    i,
    code('PROD-', i, 6) as product_id,
    code('SKU-', i, 8) as sku,
    'Product ' || i || ' - ' || pick(i, 'category', ['Automotive', 'Beauty', 'Books', 'Clothing', 'Electronics', 'Food', 'Home', 'Sports', 'Toys']) as product_name,
    pick(i, 'category', ['Automotive', 'Beauty', 'Books', 'Clothing', 'Electronics', 'Food', 'Home', 'Sports', 'Toys']) as category,
    pick(i, 'category', ['Automotive', 'Beauty', 'Books', 'Clothing', 'Electronics', 'Food', 'Home', 'Sports', 'Toys'])
        || '_sub_' || floor(dice(i, 'subcategory') * 10)::bigint as subcategory,
    'Brand' || floor(dice(i, 'brand') * 50)::bigint as brand,
    money(i, 'price', 10, 2000) as price_usd,
    round(money(i, 'price', 10, 2000) * (0.4 + dice(i, 'cost') * 0.4), 2) as cost_usd,
    round(0.1 + dice(i, 'weight') * 25, 2) as weight_kg,
    (10 + floor(dice(i, 'length') * 90))::bigint || 'x' || (5 + floor(dice(i, 'width') * 45))::bigint
        || 'x' || (1 + floor(dice(i, 'height') * 30))::bigint as dimensions,
    pick(i, 'color', ['black', 'blue', 'green', 'red', 'white', 'yellow']) as color,
    pick(i, 'size', ['XS', 'S', 'M', 'L', 'XL']) as size,
    dice(i, 'active') < 0.9 as active,
    floor(dice(i, 'stock') * 1001)::bigint as stock_quantity,
    (10 + floor(dice(i, 'reorder') * 191))::bigint as reorder_level,
    code('SUP-', (1 + floor(dice(i, 'supplier') * 2000))::bigint, 5) as supplier_id,
    (between_days(i, 'created', 1826) - interval 365 day)::date as created_at,
    (between_days(i, 'updated', 365) - interval 8 day)::date as updated_at,
    'snowflake' as source_system,
    getvariable('export_day')::timestamp as ingestion_timestamp,
    round(1 + dice(i, 'rating') * 4, 1) as rating,
    floor(dice(i, 'reviews') * 5001)::bigint as review_count,
    dice(i, 'in_stock') < 0.85 as in_stock
from range(0, rows_of(10000)) t(i);

create macro all_orders() as table
with base as (
    select
        i,
        moment(i, 'ordered', 730) as ordered_at,
        (1 + floor(dice(i, 'quantity') * 10))::bigint as quantity,
        money(i, 'price', 10, 2000) as unit_price,
        pick(i, 'discount', [0, 0, 0, 5, 10, 15, 20]) as discount
    from range(1, rows_of(100000) + 1) t(i)
)
select
    i,
    code('ORD-', i, 8) as order_id,
    code('CUST-', 1 + floor(pow(dice(i, 'customer'), 2) * rows_of(50000))::bigint, 6) as customer_id,
    code('PROD-', floor(dice(i, 'product') * rows_of(10000))::bigint, 6) as product_id,
    ordered_at::date as order_date,
    ordered_at as order_timestamp,
    quantity,
    unit_price,
    round(quantity * unit_price * (1 - discount / 100.0)
          * case when dice(i, 'outlier') < 0.01 then 8 else 1 end, 2) as total_amount,
    pick(i, 'currency', ['USD', 'EUR', 'GBP', 'JPY', 'AUD', 'CAD']) as currency,
    pick(i, 'payment', ['BANK_TRANSFER', 'CREDIT_CARD', 'DEBIT_CARD', 'PAYPAL']) as payment_method,
    pick(i, 'shipping', ['2_DAY', 'GROUND', 'OVERNIGHT']) as shipping_method,
    pick(i, 'status', ['COMPLETED', 'COMPLETED', 'COMPLETED', 'SHIPPED', 'PENDING', 'CANCELLED']) as status,
    'INSERT' as op,
    false as is_deleted,
    gap(i, 'ship_gap', 0.05, (1 + floor(dice(i, 'ship') * 9999))::bigint || ' Order St') as shipping_address,
    gap(i, 'bill_gap', 0.05, (1 + floor(dice(i, 'bill') * 9999))::bigint || ' Billing St') as billing_address,
    discount as discount_percent,
    round(quantity * unit_price * 0.08, 2) as tax_amount,
    money(i, 'shipping_cost', 5, 30) as shipping_cost,
    gap(i, 'promo_gap', 0.05, code('PROMO', (1 + floor(dice(i, 'promo') * 500))::bigint, 3)) as promo_code,
    code('REP-', (1 + floor(dice(i, 'rep') * 200))::bigint, 4) as sales_rep_id,
    pick(i, 'channel', ['CALL_CENTER', 'MOBILE', 'PARTNER', 'WEB']) as channel,
    ordered_at as created_at,
    ordered_at + to_seconds(floor(dice(i, 'updated')
        * greatest(0, epoch(feed_begin()::timestamp - ordered_at)))::bigint) as updated_at,
    'snowflake' as source_system,
    getvariable('export_day')::timestamp as ingestion_timestamp,
    month(ordered_at) as order_month,
    quarter(ordered_at) as order_quarter,
    year(ordered_at) as order_year,
    case when quantity * unit_price > 5000 then 'high_value'
         when quantity * unit_price > 1000 then 'mid_value' else 'low_value' end as order_segment,
    (1 + floor(dice(i, 'count') * 45))::bigint as customer_order_count,
    gap(i, 'fulfillment_gap', 0.2, (1 + floor(dice(i, 'fulfillment') * 14))::bigint) as fulfillment_days
from base;

create macro all_behavior() as table
select
    code('BEH-', i, 8) as behavior_id,
    code('CUST-', 1 + floor(dice(i, 'customer') * rows_of(50000))::bigint, 6) as customer_id,
    pick(i, 'event', ['add_to_cart', 'login', 'page_view', 'purchase', 'search', 'view_product']) as event_name,
    moment(i, 'at', 730) as event_timestamp,
    gap(i, 'session_gap', 0.02, code('SESS-', (100000 + floor(dice(i, 'session') * 900000))::bigint, 6)) as session_id,
    'https://example.com/page/' || (1 + floor(dice(i, 'page') * 100))::bigint as page_url,
    gap(i, 'referrer_gap', 0.3, 'https://referrer' || floor(dice(i, 'referrer') * 10)::bigint || '.com') as referrer,
    pick(i, 'device', ['desktop', 'mobile', 'tablet']) as device_type,
    pick(i, 'browser', ['Chrome', 'Firefox', 'Safari']) as browser,
    pick(i, 'os', ['Android', 'Linux', 'Windows', 'iOS', 'macOS']) as os,
    pick(i, 'country', ['US', 'CA', 'GB', 'DE', 'FR', 'JP', 'AU', 'BR', 'IN', 'MX']) as country,
    gap(i, 'city_gap', 0.02, 'City' || floor(dice(i, 'city') * 200)::bigint) as city,
    'Mozilla/5.0 (' || pick(i, 'agent', ['Linux', 'Macintosh', 'Windows']) || ')' as user_agent,
    (1 + floor(dice(i, 'ip1') * 223))::bigint || '.' || floor(dice(i, 'ip2') * 256)::bigint || '.'
        || floor(dice(i, 'ip3') * 256)::bigint || '.' || floor(dice(i, 'ip4') * 256)::bigint as ip_address,
    (10 + floor(dice(i, 'duration') * 3591))::bigint as duration_seconds,
    case when dice(i, 'converts') < 0.17 then money(i, 'conversion', 1, 500) else 0.0 end as conversion_value,
    gap(i, 'source_gap', 0.4, pick(i, 'source', ['direct', 'email', 'facebook', 'google'])) as utm_source,
    gap(i, 'medium_gap', 0.4, pick(i, 'medium', ['cpc', 'email', 'organic', 'social'])) as utm_medium,
    gap(i, 'campaign_gap', 0.5, 'campaign' || floor(dice(i, 'campaign') * 20)::bigint) as utm_campaign,
    pick(i, 'segment', ['high_value', 'low_value', 'medium_value', 'new']) as behavior_segment,
    round(dice(i, 'probability'), 6) as conversion_probability,
    pick(i, 'stage', ['awareness', 'consideration', 'purchase', 'retention']) as journey_stage,
    round(dice(i, 'engagement') * 100, 4) as engagement_score,
    pick(i, 'quality', ['high', 'low', 'medium']) as session_quality
from range(1, rows_of(50000) + 1) t(i);

create macro all_accounts() as table
select
    i,
    code('CUST-', i, 6) as Id,
    code('Company ', i, 5) as Name,
    '(' || lpad((floor(dice(i, 'phone') * 1000))::bigint::varchar, 3, '0') || ')'
        || lpad((floor(dice(i, 'phone2') * 1000))::bigint::varchar, 3, '0') || '-'
        || lpad((floor(dice(i, 'phone3') * 10000))::bigint::varchar, 4, '0') as Phone,
    gap(i, 'website_gap', 0.02, 'https://company' || i || '.com') as Website,
    pick(i, 'industry', ['Education', 'Energy', 'Finance', 'Health', 'Manufacturing', 'Retail', 'Tech']) as Industry,
    money(i, 'revenue', 100000, 500000000) as AnnualRevenue,
    (10 + floor(dice(i, 'employees') * 49990))::bigint as NumberOfEmployees,
    gap(i, 'street_gap', 0.05, (10 + floor(dice(i, 'street') * 9990))::bigint || ' Main St') as BillingStreet,
    gap(i, 'city_gap', 0.02, 'City' || floor(dice(i, 'city') * 100)::bigint) as BillingCity,
    pick(i, 'state', ['CA', 'FL', 'IL', 'NY', 'TX']) as BillingState,
    (10001 + floor(dice(i, 'zip') * 89999))::bigint as BillingPostalCode,
    pick(i, 'country', ['US', 'CA', 'GB', 'DE', 'FR', 'JP', 'AU', 'BR', 'IN', 'MX']) as BillingCountry,
    pick(i, 'rating', ['Cold', 'Hot', 'Warm']) as Rating,
    pick(i, 'type', ['Customer', 'Partner', 'Prospect']) as Type,
    pick(i, 'source', ['Partner', 'Referral', 'Web']) as AccountSource,
    code('ACC-', i, 6) as AccountNumber,
    'site' || i || '.com' as Site,
    gap(i, 'description_gap', 0.02, 'Account description for ' || code('CUST-', i, 6)) as Description,
    pick(i, 'ownership', ['Other', 'Private', 'Public']) as Ownership,
    null::varchar as ParentId,
    gap(i, 'ticker_gap', 0.7, code('TICK', floor(dice(i, 'ticker') * 1000)::bigint, 3)) as TickerSymbol,
    (1980 + floor(dice(i, 'started') * 41))::bigint as YearStarted,
    (between_days(i, 'created', 1826) - interval 30 day)::date as CreatedDate,
    (between_days(i, 'modified', 30) - interval 8 day)::date as LastModifiedDate,
    code('USER', (1 + floor(dice(i, 'owner') * 100))::bigint, 3) as OwnerId,
    pick(i, 'segment', ['ENTERPRISE', 'SMB', 'PUBLIC', 'CONSUMER', 'UNKNOWN']) as CustomerSegment,
    pick(i, 'region', ['Asia', 'Europe', 'North America', 'Oceania', 'South America']) as GeographicRegion,
    pick(i, 'status', ['Active', 'Inactive', 'Prospect']) as AccountStatus,
    between_days(i, 'activity', 365)::date as LastActivityDate
from range(1, rows_of(30000) + 1) t(i);

create macro all_contacts() as table
select
    i,
    code('CONT-', i, 8) as Id,
    'Person' || i as LastName,
    code('CUST-', 1 + (i - 1) % rows_of(22500), 6) as AccountId,
    'Contact' || i as FirstName,
    'contact' || i || '.person' || i || '@company' || (1 + (i - 1) % rows_of(22500)) || '.com' as Email,
    '(' || lpad((floor(dice(i, 'phone') * 1000))::bigint::varchar, 3, '0') || ')'
        || lpad((floor(dice(i, 'phone2') * 1000))::bigint::varchar, 3, '0') || '-'
        || lpad((floor(dice(i, 'phone3') * 10000))::bigint::varchar, 4, '0') as Phone,
    '(' || lpad((floor(dice(i, 'mobile') * 1000))::bigint::varchar, 3, '0') || ')'
        || lpad((floor(dice(i, 'mobile2') * 1000))::bigint::varchar, 3, '0') || '-'
        || lpad((floor(dice(i, 'mobile3') * 10000))::bigint::varchar, 4, '0') as MobilePhone,
    pick(i, 'title', ['ANALYST', 'CTO', 'DIRECTOR', 'ENGINEER', 'EXECUTIVE', 'MANAGER', 'VP DATA']) as Title,
    pick(i, 'department', ['Finance', 'IT', 'Marketing', 'Operations', 'Sales']) as Department,
    pick(i, 'source', ['Event', 'Partner', 'Referral', 'Web']) as LeadSource,
    gap(i, 'street_gap', 0.05, (1 + floor(dice(i, 'street') * 9999))::bigint || ' Contact St') as MailingStreet,
    gap(i, 'city_gap', 0.02, 'City' || floor(dice(i, 'city') * 100)::bigint) as MailingCity,
    pick(i, 'state', ['CA', 'FL', 'IL', 'NY', 'TX']) as MailingState,
    (10001 + floor(dice(i, 'zip') * 89999))::bigint as MailingPostalCode,
    pick(i, 'country', ['US', 'CA', 'GB', 'DE', 'FR', 'JP', 'AU', 'BR', 'IN', 'MX']) as MailingCountry,
    dice(i, 'do_not_call') < 0.2 as DoNotCall,
    dice(i, 'opted_out') < 0.1 as HasOptedOutOfEmail,
    'Contact for ' || code('CUST-', 1 + (i - 1) % rows_of(22500), 6) as Description,
    (between_days(i, 'created', 1826) - interval 30 day)::date as CreatedDate,
    (between_days(i, 'modified', 30) - interval 8 day)::date as LastModifiedDate,
    code('USER', (1 + floor(dice(i, 'owner') * 100))::bigint, 3) as OwnerId,
    pick(i, 'role', ['Champion', 'Decision Maker', 'Influencer', 'User']) as ContactRole,
    pick(i, 'level', ['C-Level', 'Director', 'Manager', 'Staff', 'VP']) as ContactLevel,
    round(dice(i, 'engagement') * 100, 4) as EngagementScore
from range(1, rows_of(45000) + 1) t(i);

create macro all_opportunities() as table
select
    i,
    code('OPP-', i, 8) as Id,
    code('Opportunity ', i, 6) as Name,
    code('CUST-', (1 + floor(dice(i, 'account') * rows_of(30000)))::bigint, 6) as AccountId,
    pick(i, 'stage', ['CLOSED_LOST', 'CLOSED_WON', 'PIPELINE', 'PROPOSAL']) as StageName,
    case when pick(i, 'stage', ['CLOSED_LOST', 'CLOSED_WON', 'PIPELINE', 'PROPOSAL']) like 'CLOSED%'
         then (between_days(i, 'closed', 1000) - interval 8 day)::date end as CloseDate,
    round(exp(9 + dice(i, 'amount') * 6), 2) as Amount,
    (floor(dice(i, 'probability') * 101))::bigint as Probability,
    pick(i, 'source', ['Partner', 'Referral', 'Trade Show', 'Web']) as LeadSource,
    pick(i, 'type', ['Existing Business', 'New Business', 'Renewal']) as "Type",
    'Follow up on ' || code('CUST-', (1 + floor(dice(i, 'account') * rows_of(30000)))::bigint, 6) as NextStep,
    pick(i, 'forecast', ['Best Case', 'Closed', 'Commit', 'Pipeline']) as ForecastCategory,
    pick(i, 'stage', ['CLOSED_LOST', 'CLOSED_WON', 'PIPELINE', 'PROPOSAL']) like 'CLOSED%' as IsClosed,
    pick(i, 'stage', ['CLOSED_LOST', 'CLOSED_WON', 'PIPELINE', 'PROPOSAL']) = 'CLOSED_WON' as IsWon,
    (between_days(i, 'created', 700) - interval 1000 day)::date as CreatedDate,
    (between_days(i, 'modified', 300) - interval 8 day)::date as LastModifiedDate,
    code('USER', (1 + floor(dice(i, 'owner') * 100))::bigint, 3) as OwnerId,
    pick(i, 'size', ['Enterprise', 'Large', 'Medium', 'Small']) as DealSize,
    (30 + floor(dice(i, 'cycle') * 336))::bigint as SalesCycle,
    pick(i, 'interest', ['Automotive', 'Beauty', 'Books', 'Clothing', 'Electronics', 'Food', 'Home', 'Sports', 'Toys']) as ProductInterest,
    pick(i, 'budget', ['Approved', 'Pending', 'Unknown']) as Budget,
    pick(i, 'timeline', ['Immediate', 'Q1', 'Q2', 'Q3', 'Q4']) as Timeline
from range(1, rows_of(20000) + 1) t(i);

create macro all_events() as table
select
    'KAFKA-' || lower(printf('%016x', hash(i, 'event', getvariable('seed')))) as event_id,
    'orders_events' as topic,
    floor(dice(i, 'partition') * 6)::bigint as "partition",
    i as "offset",
    moment(i, 'at', 120) as "timestamp",
    code('KEY-', (100000 + floor(dice(i, 'key') * 900000))::bigint, 6) as key,
    json_object(
        'order_id', code('ORD-', 1 + floor(dice(i, 'order') * rows_of(100000))::bigint, 8),
        'customer_id', code('CUST-', 1 + floor(dice(i, 'customer') * rows_of(50000))::bigint, 6),
        'event_type', pick(i, 'type', ['ORDER_CREATED', 'PAID', 'SHIPPED', 'DELIVERED', 'CANCELLED']),
        'event_ts', strftime(moment(i, 'at', 120), '%Y-%m-%d %H:%M:%S'),
        'amount', money(i, 'amount', 10, 20000),
        'currency', pick(i, 'currency', ['USD', 'EUR', 'GBP', 'JPY', 'AUD', 'CAD']),
        'channel', pick(i, 'channel', ['CALL_CENTER', 'MOBILE', 'PARTNER', 'WEB']),
        'metadata', json_object('source', pick(i, 'app', ['web_app', 'mobile_app']), 'version', '2.1.0',
            'session_id', code('SESS-', (100000 + floor(dice(i, 'session') * 900000))::bigint, 6))
    )::varchar as value,
    '{"content-type": "application/json", "source": "kafka-producer", "version": "1.0"}' as headers
from range(1, rows_of(100000) + 1) t(i);

-- Changes of orders: five of a hundred a day, a tenth of them deletions, after which an order rests.
-- Two of a hundred changes come with the drop of the day after.
create macro changes(day) as table
select o.*, on_day(o.i, 'order deleted', day) < 0.1 as leaves, on_day(o.i, 'order late', day) < 0.02 as late
from all_orders() o
where o.order_date < day
  and on_day(o.i, 'order changed', day) < 0.05
  and len(list_filter(range(1, 8), k -> day - k::integer >= feed_begin()
          and on_day(o.i, 'order changed', day - k::integer) < 0.05
          and on_day(o.i, 'order deleted', day - k::integer) < 0.1)) = 0;

create macro changed_orders(day) as table
select * exclude (i, leaves, late) replace (
    case when leaves then 'DELETE' else 'UPDATE' end as op,
    leaves as is_deleted,
    case when leaves then 'CANCELLED'
         else ['PENDING', 'SHIPPED', 'COMPLETED'][1 + floor(on_day(i, 'order status', day) * 3)::bigint] end as status,
    round(total_amount * (0.9 + on_day(i, 'order amount', day) * 0.2), 2) as total_amount,
    time_of_day(i, 'order time', day) as updated_at)
from changes(day);

-- file data/snowflake/snowflake_customers.csv csv
select * exclude (i) from all_customers();

-- file data/snowflake/customers/daily/date={day}/customers_{day}.csv csv 7
select * exclude (i) replace (
    ['ENTERPRISE', 'SMB', 'PUBLIC', 'CONSUMER'][1 + floor(on_day(i, 'segment', today()) * 4)::bigint] as customer_segment,
    'City' || floor(on_day(i, 'city', today()) * 200)::bigint as city,
    time_of_day(i, 'customer time', today()) as updated_at)
from all_customers()
where on_day(i, 'customer changed', today()) < 0.01;

-- file data/snowflake/snowflake_products.csv csv
select * exclude (i) from all_products();

-- file data/snowflake/products/daily/date={day}/products_{day}.csv csv 7
select * exclude (i) replace (
    round(price_usd * (0.9 + on_day(i, 'price', today()) * 0.2), 2) as price_usd,
    today() as updated_at)
from all_products()
where on_day(i, 'product changed', today()) < 0.01;

-- file data/snowflake/snowflake_orders.csv csv
select * exclude (i) from all_orders() where order_date < feed_begin();

-- file data/snowflake/orders/daily/date={day}/orders_{day}.csv csv 7
select * exclude (i) from all_orders() where order_date = today()
union all by name
(select c.* from changed_orders(today()) c
 semi join (select code('ORD-', i, 8) as order_id from changes(today()) where not late) kept using (order_id))
union all by name
(select c.* from changed_orders(today() - 1) c
 semi join (select code('ORD-', i, 8) as order_id from changes(today() - 1)
            where late and today() - 1 >= feed_begin()) kept using (order_id))
order by updated_at, order_id;

-- file data/redshift/redshift_customer_behavior.csv csv
select * from all_behavior() where event_timestamp < feed_begin();

-- file data/redshift/behavior/daily/date={day}/behavior_{day}.csv csv 7
select * from all_behavior() where event_timestamp::date = today() order by event_timestamp, behavior_id;

-- file data/crm/accounts.csv csv
select * exclude (i) from all_accounts();

-- file data/crm/daily/date={day}/accounts_{day}.csv csv 7
select * exclude (i) replace (
    ['Active', 'Inactive', 'Prospect'][1 + floor(on_day(i, 'status', today()) * 3)::bigint] as AccountStatus,
    today() as LastModifiedDate)
from all_accounts()
where on_day(i, 'account changed', today()) < 0.005;

-- file data/crm/contacts.csv csv
select * exclude (i) from all_contacts();

-- file data/crm/daily/date={day}/contacts_{day}.csv csv 7
select * exclude (i) replace (
    ['ANALYST', 'DIRECTOR', 'ENGINEER', 'MANAGER'][1 + floor(on_day(i, 'title', today()) * 4)::bigint] as Title,
    today() as LastModifiedDate)
from all_contacts()
where on_day(i, 'contact changed', today()) < 0.005;

-- file data/crm/opportunities.csv csv
select * exclude (i) from all_opportunities();

-- file data/crm/daily/date={day}/opportunities_{day}.csv csv 7
select * exclude (i) replace (
    case when on_day(i, 'won', today()) < 0.5 then 'CLOSED_WON' else 'CLOSED_LOST' end as StageName,
    today() as CloseDate,
    true as IsClosed,
    on_day(i, 'won', today()) < 0.5 as IsWon,
    today() as LastModifiedDate)
from all_opportunities()
where not IsClosed and on_day(i, 'opportunity closed', today()) < 0.02;

-- file data/fx/fx_rates_historical_730_days.csv csv
select
    (getvariable('export_day') - to_days((730 - d)::integer))::date as trade_date,
    'USD' as base_ccy,
    c.ccy as quote_ccy,
    round(c.base * (0.95 + dice(d, c.ccy) * 0.1), 4) as fx_rate
from range(0, 730) t(d),
     (values (1, 'EUR', 0.95), (2, 'GBP', 0.81), (3, 'JPY', 125.0), (4, 'AUD', 1.45), (5, 'CAD', 1.33)) c(n, ccy, base)
order by d, c.n;

-- file data/fx/fx_rates_historical.json json
select
    strftime((getvariable('export_day') - to_days((730 - d)::integer))::date, '%Y-%m-%d') as "date",
    'USD' as base_currency,
    c.ccy as target_currency,
    round(c.base * (0.95 + dice(d, c.ccy || 'quote') * 0.1), 4) as exchange_rate,
    round(c.base * (0.95 + dice(d, c.ccy || 'quote') * 0.1) * 0.9995, 4) as bid_rate,
    round(c.base * (0.95 + dice(d, c.ccy || 'quote') * 0.1) * 1.0005, 4) as ask_rate,
    'synthetic' as source
from range(0, 730) t(d),
     (values (1, 'EUR', 0.95), (2, 'GBP', 0.81), (3, 'JPY', 125.0), (4, 'AUD', 1.45), (5, 'CAD', 1.33)) c(n, ccy, base)
order by d, c.n;

-- file data/kafka/stream_kafka_events.csv csv
select * from all_events() where "timestamp" < feed_begin();

-- file data/kafka/events/daily/date={day}/kafka_events_{day}.csv csv 7
select * from all_events() where "timestamp"::date = today() order by "offset";

-- faults: what follows is made with --faults only. Each file is faulty in one way, on purpose, and
-- faults.json says where each fault is and who must find it.
create macro faulty(base) as table
select n, code('ORD-9', n, 7) as new_order, code('CUST-9', n, 5) as nobody
from range(1, greatest(3, (base * getvariable('scale'))::bigint) + 1) t(n);
create macro last_day() as (getvariable('export_day') - interval 1 day)::date;
create macro good_orders(base) as table
select f.n, f.new_order, f.nobody, o.i as base, o.* exclude (i, k)
       replace (f.new_order as order_id, 'INSERT' as op, last_day()::timestamp + to_seconds(f.n) as updated_at)
from faulty(base) f join (select *, row_number() over (order by i) as k from all_orders()
     where order_date < feed_begin()) o on o.k = f.n;

-- file data/snowflake/orders/daily/date={last}/orders_null_keys.csv csv
select * exclude (n, new_order, nobody, base) replace (null as order_id) from good_orders(20) order by n;

-- file data/snowflake/orders/daily/date={last}/orders_orphans.csv csv
select * exclude (n, new_order, nobody, base) replace (code('ORD-91', n, 6) as order_id, nobody as customer_id)
from good_orders(20) order by n;

-- file data/snowflake/orders/daily/date={last}/orders_unknown_products.csv csv
select * exclude (n, new_order, nobody, base) replace (code('ORD-92', n, 6) as order_id, 'PROD-999999' as product_id)
from good_orders(10) order by n;

-- file data/snowflake/orders/daily/date={last}/orders_no_quantity.csv csv
select * exclude (n, new_order, nobody, base) replace (code('ORD-93', n, 6) as order_id, -n as quantity)
from good_orders(10) order by n;

-- file data/snowflake/orders/daily/date={last}/orders_broken.csv csv
select * exclude (n, new_order, nobody, base)
    replace (code('ORD-94', n, 6) as order_id, case when n % 2 = 0 then 'many' else quantity::varchar end as quantity)
from good_orders(20) order by n;

-- file data/snowflake/orders/daily/date={last}/orders_no_rate.csv csv
select * exclude (n, new_order, nobody, base) replace (code('ORD-95', n, 6) as order_id, 'CHF' as currency)
from good_orders(20) order by n;

-- file data/snowflake/orders/daily/date={last}/orders_late.csv csv
-- versions older than those that are known: merge leaves the newer ones
select * exclude (n, new_order, nobody, base) replace (code('ORD-', base, 8) as order_id, 'LATE' as status,
    order_timestamp - interval 1 day as updated_at)
from good_orders(20) order by n;

-- file data/snowflake/orders/daily/date={last}/orders_resurrected.csv csv
-- rows of orders that were deleted, older than the deletion: they stay deleted
select * exclude (i, leaves, late) replace ('INSERT' as op, false as is_deleted, 'RESURRECTED' as status,
    order_timestamp as updated_at)
from changes(feed_begin()) where leaves and not late order by order_id;

-- file data/snowflake/orders/daily/date={last}/orders_twice.csv csv
-- each row stands there twice, word for word
select * exclude (n, new_order, nobody, base) replace (code('ORD-96', n, 6) as order_id)
from (from good_orders(10) union all from good_orders(10)) order by n;

-- file data/snowflake/orders/daily/date={last}/orders_new_column.csv csv
-- a column that nobody announced
select * exclude (n, new_order, nobody, base) replace (code('ORD-97', n, 6) as order_id), n as loyalty_points
from good_orders(10) order by n;

-- file data/snowflake/products/daily/date={last}/products_retyped.csv csv
-- the price came as text of another kind; a product that the day's own file has too says the same here
select * exclude (i) replace (case when i % 2 = 0 then 'USD ' || price_usd else price_usd::varchar end as price_usd,
    last_day() as updated_at)
from (select * replace (case when on_day(i, 'product changed', last_day()) < 0.01
                             then round(price_usd * (0.9 + on_day(i, 'price', last_day()) * 0.2), 2)
                             else price_usd end as price_usd) from all_products())
where i < greatest(4, (20 * getvariable('scale'))::bigint) order by i;

-- file data/crm/daily/date={last}/contacts_latin1.csv bytes
-- a name in ISO 8859-1 among names in UTF-8
select hex(encode('Id,LastName,AccountId,FirstName,Email,Phone,MobilePhone,Title,Department,LeadSource,MailingStreet,MailingCity,MailingState,MailingPostalCode,MailingCountry,DoNotCall,HasOptedOutOfEmail,Description,CreatedDate,LastModifiedDate,OwnerId,ContactRole,ContactLevel,EngagementScore' || chr(10)
    || 'CONT-90000001,Miller,CUST-000001,Ann,ann@example.com,(111)111-1111,(111)111-1112,CTO,IT,Web,1 Main St,City1,CA,10001,US,false,false,x,2024-01-01,' || last_day() || ',USER001,User,Staff,1.5' || chr(10)
    || 'CONT-90000002,M')) || 'FC' || hex(encode('ller,CUST-000001,Ann,ann@example.com,(111)111-1111,(111)111-1112,CTO,IT,Web,1 Main St,City1,CA,10001,US,false,false,x,2024-01-01,' || last_day() || ',USER001,User,Staff,1.5' || chr(10)
    || 'CONT-90000003,Smith,CUST-000001,Bob,bob@example.com,(111)111-1111,(111)111-1112,CTO,IT,Web,1 Main St,City1,CA,10001,US,false,false,x,2024-01-01,' || last_day() || ',USER001,User,Staff,1.5' || chr(10)));

-- file data/crm/daily/date={last}/accounts_cut.csv bytes
-- the transfer ended in the middle of a record
select hex(encode('Id,Name,Phone,Website,Industry,AnnualRevenue,NumberOfEmployees,BillingStreet,BillingCity,BillingState,BillingPostalCode,BillingCountry,Rating,Type,AccountSource,AccountNumber,Site,Description,Ownership,ParentId,TickerSymbol,YearStarted,CreatedDate,LastModifiedDate,OwnerId,CustomerSegment,GeographicRegion,AccountStatus,LastActivityDate' || chr(10)
    || 'CUST-000001,Company 00001,(1)1,,Tech,1000,10,1 Main St,City1,CA,10001,US,Hot,Customer,Web,ACC-1,site1.com,d,Public,,,1990,2020-01-01,' || last_day() || ',USER001,SMB,Europe,Active,2024-01-01' || chr(10)
    || 'CUST-000002,Company 00002,(1)1,,Te'));

-- file faults.json json
with n as (select n from faulty(20)), few as (select n from faulty(10)),
last as (select strftime(last_day(), '%Y-%m-%d') as day)
select fault, 'data/' || replace(file, '{last}', last.day) as file, record, key, found_in, found_by
from last, (
    select 'null key' as fault, 'snowflake/orders/daily/date={last}/orders_null_keys.csv' as file, n as record,
           null as key, 'bronze.orders' as found_in, 'contract.not_null(order_id)' as found_by from n
    union all select 'orphan', 'snowflake/orders/daily/date={last}/orders_orphans.csv', n,
           code('ORD-91', n, 6), 'silver.orders', 'fk_exists(customer_id)' from n
    union all select 'unknown product', 'snowflake/orders/daily/date={last}/orders_unknown_products.csv', n,
           code('ORD-92', n, 6), 'silver.orders', 'fk_exists(product_id)' from few
    union all select 'negative quantity', 'snowflake/orders/daily/date={last}/orders_no_quantity.csv', n,
           code('ORD-93', n, 6), 'silver.orders', 'expect_column_values_to_be_between(quantity)' from few
    union all select 'broken record', 'snowflake/orders/daily/date={last}/orders_broken.csv', n,
           code('ORD-94', n, 6), 'bronze.orders', 'contract.record' from n where n % 2 = 0
    union all select 'missing rate', 'snowflake/orders/daily/date={last}/orders_no_rate.csv', n,
           code('ORD-95', n, 6), 'gold.fact_orders', 'expect_column_values_to_not_be_null(order_amount_usd)' from n
    union all select 'late row', 'snowflake/orders/daily/date={last}/orders_late.csv', n,
           code('ORD-', base, 8), 'silver.orders', 'version' from good_orders(20)
    union all select 'resurrected row', 'snowflake/orders/daily/date={last}/orders_resurrected.csv',
           row_number() over (order by order_id), order_id, 'silver.orders', 'version'
           from changes(feed_begin()) where leaves and not late
    union all select 'row twice', 'snowflake/orders/daily/date={last}/orders_twice.csv', 2 * n,
           code('ORD-96', n, 6), 'silver.orders', 'merge' from few
    union all select 'new column', 'snowflake/orders/daily/date={last}/orders_new_column.csv', n,
           code('ORD-97', n, 6), 'bronze.orders', 'contract.new_column' from few
    union all select 'retyped column', 'snowflake/products/daily/date={last}/products_retyped.csv', i + 1,
           code('PROD-', i, 6), 'bronze.products', 'contract.record'
           from range(greatest(4, (20 * getvariable('scale'))::bigint)) t(i) where i % 2 = 0
    union all select 'wrong encoding', 'crm/daily/date={last}/contacts_latin1.csv', 2, 'CONT-90000002',
           'bronze.contacts', 'contract.record'
    union all select 'truncated file', 'crm/daily/date={last}/accounts_cut.csv', 2, 'CUST-000002',
           'bronze.accounts', 'contract.record'
    union all select 'bad e-mail', 'snowflake/snowflake_customers.csv', i, customer_id, 'silver.customers',
           'expect_column_values_to_match_regex(email)' from all_customers() where email like '%_at_%'
)
order by all;
