//! A private MariaDB to try things on: prints its address, and stops at the end of its input.

fn main() -> std::io::Result<()> {
    println!("{}", apitap_tests::mariadb::url());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}
