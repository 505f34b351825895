use larder::on_event;

#[derive(serde::Serialize, serde::Deserialize)]
struct Renamed;

#[on_event("renamed")]
async unsafe fn renamed(event: Renamed) {
    let _ = event;
}

fn main() {}
