//! Runs the plugin natively over the directories of the command line.

fn main() {
    let input = plugin::SyncExecInput {
        canister_id: "aaaaa-aa".to_string(),
        environment: "local".to_string(),
        dirs: std::env::args().skip(1).collect(),
        files: Vec::new(),
        identity_principal: "2vxsx-fae".to_string(),
        proxy_canister_id: None,
    };
    if let Err(text) = plugin::exec(input) {
        eprintln!("err: {text}");
        std::process::exit(1);
    }
}
