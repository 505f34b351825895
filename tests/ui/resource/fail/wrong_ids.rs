use larder::resource;

resource! {
    user((a, b): (u64, u64)) { profile; }
    org(&self) { profile; }
    team(id: impl Copy) { profile(id: u8); }
}

fn main() {}
