use apitap::types::Decimal;

async fn total() -> apitap::Result<Decimal> {
    let mut total = Decimal::ZERO;
    let mut rows = paid_orders::rows();
    while let Some(row) = rows.next().await {
        total += row?.amount.unwrap_or_default();
    }
    Ok(total)
}
