//! The columns of a file of users, as `keyward user import` reads it: `GetCSVHeader`.

use keyward_core::caller::Caller;
use keyward_core::keyward::Keyward;
use serde::{Deserialize, Serialize};

use crate::cognito::fault::Fault;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetCsvHeader {
    user_pool_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CsvHeader {
    user_pool_id: String,
    #[serde(rename = "CSVHeader")]
    csv_header: Vec<String>,
}

pub(super) async fn get_csv_header(
    keyward: &Keyward,
    caller: &Caller,
    GetCsvHeader { user_pool_id }: GetCsvHeader,
) -> Result<CsvHeader, Fault> {
    let csv_header = keyward.user_columns(caller, Some(&user_pool_id)).await?;
    Ok(CsvHeader { user_pool_id, csv_header })
}
