//! A private server that speaks S3 to try things on: prints its address and a bucket, and stops at the end
//! of its input.

fn main() -> std::io::Result<()> {
    println!("{} s3://{}", apitap_tests::s3::endpoint(), apitap_tests::s3::bucket());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    Ok(())
}
