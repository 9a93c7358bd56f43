use crate::support::App;
#[tokio::test]
async fn dump() {
    let app = App::new().await;
    let a = app.anonymous().get("/openapi.json").await;
    std::fs::write("/tmp/openapi.json", &a.text).unwrap();
    let t = std::time::Instant::now();
    let a = app.anonymous().get("/docs").await;
    println!("{:?} {:?}", a.status, a.headers);
    std::fs::write("/tmp/docs.html", &a.text).unwrap();
    println!("{:?}", t.elapsed());
    let t = std::time::Instant::now();
    drop(keyward::app::router(&app.keyward, &app.config));
    println!("{:?}", t.elapsed());
}
