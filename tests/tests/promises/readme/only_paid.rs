use paid_orders::{Order, PaidOrder, transform};

#[test]
fn only_paid_orders_become_rows() -> apitap::Result<()> {
    let order = |id, status: &str| Order { id, status: status.to_owned(), ..Default::default() };
    let rows = apitap::block_on(transform([order(1, "paid"), order(2, "open")]))?;
    assert_eq!(rows, [PaidOrder { id: 1, amount: None, email: None }]);
    Ok(())
}
