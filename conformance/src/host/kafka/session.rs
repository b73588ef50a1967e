//! One connection: who it is, and its requests, one after the other.
//!
//! Where a password is asked for, nothing else is answered before it, and a wrong one ends the connection.

use super::caller::Caller;
use super::estate::Estate;
use super::{admin, data, describe, groups};
use crate::kafka::{Stream, code, read_frame, text, write_frame};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, RequestHeader, ResponseHeader, SaslAuthenticateRequest, SaslAuthenticateResponse,
    SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, decode_request_header_from_buffer};
use std::sync::Arc;
use tokio::net::TcpStream;

/// Requests that are answered, up to which version: later ones name topics by ids, which the model has not.
const KNOWN: [(ApiKey, i16); 28] = [
    (ApiKey::Produce, 9),
    (ApiKey::Fetch, 12),
    (ApiKey::ListOffsets, 7),
    (ApiKey::Metadata, 9),
    (ApiKey::OffsetCommit, 8),
    (ApiKey::OffsetFetch, 7),
    (ApiKey::FindCoordinator, 4),
    (ApiKey::JoinGroup, 7),
    (ApiKey::Heartbeat, 4),
    (ApiKey::LeaveGroup, 4),
    (ApiKey::SyncGroup, 5),
    (ApiKey::DescribeGroups, 5),
    (ApiKey::ListGroups, 4),
    (ApiKey::DeleteGroups, 2),
    (ApiKey::SaslHandshake, 1),
    (ApiKey::ApiVersions, 3),
    (ApiKey::CreateTopics, 6),
    (ApiKey::DeleteTopics, 5),
    (ApiKey::DeleteRecords, 2),
    (ApiKey::InitProducerId, 4),
    (ApiKey::DescribeAcls, 2),
    (ApiKey::CreateAcls, 2),
    (ApiKey::DescribeConfigs, 4),
    (ApiKey::SaslAuthenticate, 2),
    (ApiKey::IncrementalAlterConfigs, 1),
    (ApiKey::DescribeClientQuotas, 1),
    (ApiKey::AlterClientQuotas, 1),
    (ApiKey::DescribeCluster, 0),
];

/// A connection.
struct Session {
    /// Who is at its other end.
    caller: Caller,
    /// Whether the next bytes are a login.
    agreed: bool,
}

/// Why a connection ends.
struct Over;

/// Serves a connection to its end.
pub async fn serve(estate: Arc<Estate>, listener: usize, broker: usize, stream: TcpStream) {
    // A small answer must not wait for the next one.
    let _ = stream.set_nodelay(true);
    let door = estate.doors[listener].clone();
    let Ok((mut stream, named)) = door.admit(stream).await else { return };
    let named = (!door.asks_password).then_some(named);
    let mut session = Session { caller: Caller { estate, listener, broker, named }, agreed: false };
    session.caller.admitted();
    while let Ok(Some(frame)) = read_frame(&mut *stream).await {
        if session.answer(&mut *stream, frame).await.is_err() {
            return;
        }
    }
}

fn read<R: Decodable>(body: &mut Bytes, version: i16) -> Result<R, Over> {
    R::decode(body, version).map_err(|_| Over)
}

fn write<R: Encodable>(response: &R, version: i16) -> Result<BytesMut, Over> {
    let mut out = BytesMut::new();
    response.encode(&mut out, version).map_err(|_| Over)?;
    Ok(out)
}

impl Session {
    async fn answer(&mut self, stream: &mut dyn Stream, mut frame: Bytes) -> Result<(), Over> {
        if frame.len() < 8 {
            return Err(Over);
        }
        let header = decode_request_header_from_buffer(&mut frame).map_err(|_| Over)?;
        let key = ApiKey::try_from(header.request_api_key).map_err(|()| Over)?;
        let known = KNOWN.iter().find(|(known, _)| *known == key).ok_or(Over)?;
        let version = header.request_api_version;
        let body = if key == ApiKey::ApiVersions && version > known.1 {
            // A client that is newer than we are is told so in the oldest form.
            let refused = versions().with_error_code(code::UNSUPPORTED_VERSION);
            return reply(stream, &header, 0, write(&refused, 0)?).await;
        } else if version > known.1 || version < key.valid_versions().min {
            return Err(Over);
        } else {
            self.handle(key, version, &mut frame).await?
        };
        let Some(body) = body else { return Ok(()) };
        reply(stream, &header, key.response_header_version(version), body).await
    }

    async fn handle(&mut self, key: ApiKey, version: i16, body: &mut Bytes) -> Result<Option<BytesMut>, Over> {
        let v = version;
        let answer = match key {
            ApiKey::ApiVersions => write(&versions(), v)?,
            ApiKey::SaslHandshake => write(&self.shake(&read(body, v)?), v)?,
            ApiKey::SaslAuthenticate => write(&self.login(&read(body, v)?), v)?,
            _ if self.caller.named.is_none() => return Err(Over),
            ApiKey::Produce => match data::produce(&self.caller, read(body, v)?).await {
                Some(response) => write(&response, v)?,
                None => return Ok(None),
            },
            ApiKey::Fetch => write(&data::fetch(&self.caller, read(body, v)?).await, v)?,
            ApiKey::ListOffsets => write(&data::list_offsets(&self.caller, read(body, v)?).await, v)?,
            ApiKey::DeleteRecords => write(&data::delete_records(&self.caller, read(body, v)?).await, v)?,
            ApiKey::InitProducerId => write(&data::init_producer(&self.caller, &read(body, v)?), v)?,
            ApiKey::OffsetCommit => write(&groups::commit(&self.caller, read(body, v)?).await, v)?,
            ApiKey::OffsetFetch => write(&groups::positions(&self.caller, read(body, v)?).await, v)?,
            ApiKey::FindCoordinator => write(&groups::coordinator(&self.caller, &read(body, v)?, v).await, v)?,
            ApiKey::JoinGroup => write(&groups::join(&self.caller, &read(body, v)?, v), v)?,
            ApiKey::SyncGroup => write(&groups::sync(&self.caller, &read(body, v)?, v), v)?,
            ApiKey::Heartbeat => write(&groups::heartbeat(&self.caller, &read(body, v)?), v)?,
            ApiKey::LeaveGroup => write(&groups::leave(&self.caller, &read(body, v)?, v), v)?,
            ApiKey::DescribeGroups => write(&groups::describe(&self.caller, &read(body, v)?), v)?,
            ApiKey::ListGroups => write(&groups::list(&self.caller, v), v)?,
            ApiKey::DeleteGroups => write(&groups::delete(&self.caller, &read(body, v)?), v)?,
            ApiKey::Metadata => write(&describe::metadata(&self.caller, &read(body, v)?, v).await, v)?,
            ApiKey::DescribeCluster => write(&describe::cluster(&self.caller), v)?,
            ApiKey::DescribeConfigs => write(&describe::configs(&self.caller, &read(body, v)?), v)?,
            ApiKey::DescribeAcls => write(&describe::acls(&self.caller, &read(body, v)?), v)?,
            ApiKey::DescribeClientQuotas => write(&describe::quotas(&self.caller, &read(body, v)?), v)?,
            ApiKey::CreateTopics => write(&admin::create_topics(&self.caller, &read(body, v)?), v)?,
            ApiKey::DeleteTopics => write(&admin::delete_topics(&self.caller, &read(body, v)?), v)?,
            ApiKey::CreateAcls => write(&admin::create_acls(&self.caller, &read(body, v)?), v)?,
            ApiKey::IncrementalAlterConfigs => write(&admin::alter_configs(&self.caller, &read(body, v)?), v)?,
            ApiKey::AlterClientQuotas => write(&admin::alter_quotas(&self.caller, &read(body, v)?), v)?,
            _ => return Err(Over),
        };
        Ok(Some(answer))
    }

    fn shake(&mut self, request: &SaslHandshakeRequest) -> SaslHandshakeResponse {
        let estate = self.caller.estate.clone();
        let state = estate.state();
        let mechanisms: Vec<&str> = state.config.property("sasl.enabled.mechanisms").split(',').collect();
        self.agreed = estate.doors[self.caller.listener].asks_password
            && request.mechanism.as_str() == "PLAIN"
            && mechanisms.contains(&"PLAIN");
        let error = if self.agreed { code::NONE } else { code::UNSUPPORTED_SASL_MECHANISM };
        let mechanisms = mechanisms.into_iter().map(text).collect();
        SaslHandshakeResponse::default().with_error_code(error).with_mechanisms(mechanisms)
    }

    fn login(&mut self, request: &SaslAuthenticateRequest) -> SaslAuthenticateResponse {
        let bytes = request.auth_bytes.clone();
        let mut parts = bytes.split(|byte| *byte == 0).skip(1).map(|part| String::from_utf8_lossy(part).into_owned());
        let (user, password) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let known = self.caller.estate.passwords.get(&user);
        if !self.agreed || known.is_none_or(|known| *known != password) {
            let told = "Authentication failed: Invalid username or password";
            let refused = SaslAuthenticateResponse::default().with_error_code(code::SASL_AUTHENTICATION_FAILED);
            return refused.with_error_message(Some(text(told)));
        }
        self.caller.named = Some(format!("User:{user}").into());
        self.caller.admitted();
        SaslAuthenticateResponse::default()
    }
}

fn versions() -> ApiVersionsResponse {
    let version = |(key, max): &(ApiKey, i16)| {
        let min = key.valid_versions().min;
        ApiVersion::default().with_api_key(*key as i16).with_min_version(min).with_max_version(*max)
    };
    ApiVersionsResponse::default().with_api_keys(KNOWN.iter().map(version).collect())
}

async fn reply(stream: &mut dyn Stream, to: &RequestHeader, header: i16, body: BytesMut) -> Result<(), Over> {
    let mut frame = BytesMut::new();
    let answer = ResponseHeader::default().with_correlation_id(to.correlation_id);
    answer.encode(&mut frame, header).map_err(|_| Over)?;
    frame.extend_from_slice(&body);
    write_frame(stream, &frame).await.map_err(|_| Over)
}
