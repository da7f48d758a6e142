//! Stands in for the crate `wit-bindgen`, whose registry is out of reach here: what it generates for the world
//! `sync-plugin`, as far as plugins see it. Calls are printed, and answered with the hex in `REPLY_<method>`.

pub fn answer(method: &str, arg: &[u8], is_query: bool) -> Result<Vec<u8>, String> {
    let hex: String = arg.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("call {} {method} {hex}", if is_query { "query" } else { "update" });
    if let Ok(text) = std::env::var(format!("FAIL_{method}")) {
        return Err(text);
    }
    let reply = std::env::var(format!("REPLY_{method}")).unwrap_or("4449444c0000".to_string());
    Ok((0..reply.len()).step_by(2).map(|at| u8::from_str_radix(&reply[at..at + 2], 16).unwrap()).collect())
}

#[macro_export]
macro_rules! generate {
    ({ world: "sync-plugin", path: "wit", }) => {
        pub mod icp {
            pub mod sync_plugin {
                pub mod types {
                    #[derive(Clone, Copy, PartialEq)]
                    pub enum CallType {
                        Update,
                        Query,
                    }

                    #[derive(Clone)]
                    pub struct FileInput {
                        pub name: String,
                        pub content: String,
                    }

                    #[derive(Clone)]
                    pub struct SyncExecInput {
                        pub canister_id: String,
                        pub environment: String,
                        pub dirs: Vec<String>,
                        pub files: Vec<FileInput>,
                        pub identity_principal: String,
                        pub proxy_canister_id: Option<String>,
                    }

                    #[derive(Clone)]
                    pub struct CanisterCallRequest {
                        pub method: String,
                        pub arg: Vec<u8>,
                        pub call_type: CallType,
                        pub direct: bool,
                        pub cycles: u64,
                    }
                }
            }
        }

        pub type SyncExecInput = icp::sync_plugin::types::SyncExecInput;
        pub type CanisterCallRequest = icp::sync_plugin::types::CanisterCallRequest;
        pub type FileInput = icp::sync_plugin::types::FileInput;
        pub type CallRequest = icp::sync_plugin::types::CanisterCallRequest;
        pub type CallResult = Result<Vec<u8>, String>;
        pub type NamedOption = (String, String);

        pub fn canister_call(req: &CanisterCallRequest) -> Result<Vec<u8>, String> {
            $crate::answer(&req.method, &req.arg, req.call_type == icp::sync_plugin::types::CallType::Query)
        }

        pub fn canister_call_batch(reqs: &[CallRequest]) -> Vec<CallResult> {
            reqs.iter().map(canister_call).collect()
        }

        pub trait Guest {
            fn exec(input: SyncExecInput) -> Result<(), String>;
        }

        macro_rules! export {
            ($name:ident) => {
                pub fn exec(input: SyncExecInput) -> Result<(), String> {
                    <$name as Guest>::exec(input)
                }
            };
        }
    };
}
