/* ---
description: one row per product, the newest version wins
mode: merge
key: [product_id]
version: updated_at
new_rows_of: [silver.product_versions]
--- */
select * from silver.product_versions
