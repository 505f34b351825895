use larder::on_event;

#[on_event("user.updated")]
async fn drop_user(event: u64) {
    let shared = std::rc::Rc::new(event);
    std::future::ready(()).await;
    drop(shared);
}

fn main() {}
