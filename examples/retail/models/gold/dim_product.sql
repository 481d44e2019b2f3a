/* ---
description: products with their margin, as they were at every time
mode: scd2
key: [product_id]
version: updated_at
new_rows_of: [silver.product_versions]
--- */
select
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
    rating,
    updated_at
from silver.product_versions
