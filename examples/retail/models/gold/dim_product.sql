/* ---
description: products with their margin
mode: full
--- */
select
    md5('product|' || product_id) as product_sk,
    product_id,
    sku,
    product_name,
    category,
    subcategory,
    brand,
    price_usd,
    cost_usd,
    price_usd - cost_usd as margin_usd,
    active,
    rating
from silver.products
