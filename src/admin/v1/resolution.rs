//! Resolutions over the wire.

use super::super::json::Object;
use super::super::problem::{Edge, Problem};
use crate::registry::resolution::{TTL_ADDRESSES_SECS, TTL_DELEGATION_SECS, TTL_FORWARD_SECS};
use crate::registry::{self, Code, DelegationSigner, NameServer};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use utoipa::ToSchema;

/// HTTP status of a forward where none is given: browsers do not keep it, so a later change takes effect.
const REDIRECT_CODE: u16 = 302;

/// What a name resolves to: exactly one of addresses, a forward, or name servers of its own.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type")]
pub enum Resolution {
    /// Addresses.
    A {
        /// IPv4 and IPv6 addresses, 1 to 16.
        #[schema(value_type = Vec<String>, example = json!(["203.0.113.5"]))]
        addresses: Vec<IpAddr>,
        /// Seconds, 60 to 600; 600 if absent.
        #[schema(required = false)]
        ttl: u32,
        /// Whether `www` answers the same; it does if absent.
        #[schema(required = false)]
        www: bool,
    },
    /// A forward: an HTTP redirect by the gateway.
    #[serde(rename = "URL")]
    Url {
        /// An http or https URL.
        target: String,
        /// 301, 302, 307 or 308; 302 if absent.
        #[schema(required = false)]
        code: u16,
        /// Whether path and query of the request are appended to the target's; not if absent.
        #[schema(required = false)]
        keep_path: bool,
        /// Seconds, 60 to 600; 300 if absent.
        #[schema(required = false)]
        ttl: u32,
        /// Whether `www` forwards the same; it does if absent.
        #[schema(required = false)]
        www: bool,
    },
    /// Name servers of the unit's own.
    #[serde(rename = "NS")]
    Ns {
        /// 1 to 13 servers; as plain strings, or with glue where they lie inside the name.
        servers: Vec<Server>,
        /// Delegation signers.
        #[schema(required = false)]
        ds: Vec<Ds>,
        /// Seconds; 3600 and nothing else.
        #[schema(required = false)]
        ttl: u32,
    },
}

/// One name server.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Server {
    /// Host name.
    #[schema(example = "ns1.example")]
    pub host: String,
    /// Its addresses, if it lies inside the name and only then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub glue: Vec<String>,
}

/// One DS record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ds {
    /// Key tag.
    pub key_tag: u16,
    /// DNSSEC algorithm number.
    pub algorithm: u8,
    /// Digest type.
    pub digest_type: u8,
    /// Digest in hexadecimal digits.
    pub digest: String,
}

/// The kinds of resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Kind {
    /// Addresses.
    A,
    /// A forward.
    #[serde(rename = "URL")]
    Url,
    /// Name servers.
    #[serde(rename = "NS")]
    Ns,
}

/// A resolution as it comes in. Flat, so that an error names the exact member; [`Resolution`] documents its three forms.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResolutionInput {
    r#type: Kind,
    addresses: Option<Vec<String>>,
    ttl: Option<u32>,
    www: Option<bool>,
    target: Option<String>,
    code: Option<u16>,
    keep_path: Option<bool>,
    servers: Option<Vec<Server>>,
    ds: Option<Vec<Object<Ds>>>,
}

impl<'de> Deserialize<'de> for Server {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Full {
            host: String,
            #[serde(default)]
            glue: Vec<String>,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Server;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a host name, or an object with host and glue")
            }

            fn visit_str<E>(self, host: &str) -> Result<Server, E> {
                Ok(Server { host: host.into(), glue: Vec::new() })
            }

            fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Server, M::Error> {
                let full = Full::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Server { host: full.host, glue: full.glue })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl ResolutionInput {
    /// The registry's resolution. `at` is the path of this object in the body.
    ///
    /// # Errors
    /// A member that does not belong to the type (R42), one that is missing, or a text that is no address (R38–R40).
    pub fn into_registry(self, at: &str) -> Result<registry::Resolution, Problem> {
        self.check_members(at)?;
        let missing = |member: &str| {
            Problem::edge(
                Edge::MissingField,
                format!("{at}.{member} is missing; a resolution of this type needs it."),
                format!("缺少 {at}.{member}，该类型的解析必须填写。"),
            )
            .field(format!("{at}.{member}"))
        };
        match self.r#type {
            Kind::A => {
                let texts = self.addresses.ok_or_else(|| missing("addresses"))?;
                Ok(registry::Resolution::Addresses {
                    addresses: addresses(&texts, Code::AddressInvalid, &format!("{at}.addresses"))?,
                    ttl: self.ttl.unwrap_or(TTL_ADDRESSES_SECS),
                    www: self.www.unwrap_or(true),
                })
            }
            Kind::Url => Ok(registry::Resolution::Forward {
                target: self.target.ok_or_else(|| missing("target"))?.into(),
                code: self.code.unwrap_or(REDIRECT_CODE),
                keep_path: self.keep_path.unwrap_or(false),
                ttl: self.ttl.unwrap_or(TTL_FORWARD_SECS),
                www: self.www.unwrap_or(true),
            }),
            Kind::Ns => Ok(registry::Resolution::Delegation {
                servers: servers(self.servers.ok_or_else(|| missing("servers"))?, &format!("{at}.servers"))?,
                ds: signers(self.ds.unwrap_or_default(), &format!("{at}.ds"))?,
                ttl: self.ttl.unwrap_or(TTL_DELEGATION_SECS),
            }),
        }
    }

    fn check_members(&self, at: &str) -> Result<(), Problem> {
        let present = [
            ("addresses", self.addresses.is_some(), self.r#type == Kind::A),
            ("www", self.www.is_some(), self.r#type != Kind::Ns),
            ("target", self.target.is_some(), self.r#type == Kind::Url),
            ("code", self.code.is_some(), self.r#type == Kind::Url),
            ("keep_path", self.keep_path.is_some(), self.r#type == Kind::Url),
            ("servers", self.servers.is_some(), self.r#type == Kind::Ns),
            ("ds", self.ds.is_some(), self.r#type == Kind::Ns),
        ];
        let Some((member, ..)) = present.into_iter().find(|(_, given, belongs)| *given && !belongs) else {
            return Ok(());
        };
        Err(Problem::edge(
            Edge::UnknownField,
            format!("{at}.{member} does not belong to a resolution of this type; give exactly one plan."),
            format!("{at}.{member} 不属于该类型的解析；只能选择一种解析方案。"),
        )
        .field(format!("{at}.{member}")))
    }
}

fn addresses(texts: &[String], code: Code, at: &str) -> Result<Vec<IpAddr>, Problem> {
    let parse = |(position, text): (usize, &String)| {
        text.parse::<IpAddr>().map_err(|_| {
            Problem::registry(
                code,
                format!("{at}[{position}] is not an IPv4 or IPv6 address; correct it, as 203.0.113.5."),
                format!("{at}[{position}] 不是 IPv4 或 IPv6 地址，请更正，例如 203.0.113.5。"),
            )
            .field(format!("{at}[{position}]"))
        })
    };
    texts.iter().enumerate().map(parse).collect()
}

fn servers(given: Vec<Server>, at: &str) -> Result<Vec<NameServer>, Problem> {
    let convert = |(position, server): (usize, Server)| {
        let glue = addresses(&server.glue, Code::ServerInvalid, &format!("{at}[{position}].glue"))?;
        // A-labels are lower case (RFC 5890 §2.3.2.1); a final dot is how zone files write the same name.
        let host = server.host.strip_suffix('.').unwrap_or(&server.host).to_ascii_lowercase();
        Ok(NameServer { host: host.into(), glue })
    };
    given.into_iter().enumerate().map(convert).collect()
}

fn signers(given: Vec<Object<Ds>>, at: &str) -> Result<Vec<DelegationSigner>, Problem> {
    let convert = |(position, Object(ds)): (usize, Object<Ds>)| {
        let digest = unhex(&ds.digest).ok_or_else(|| {
            let field = format!("{at}[{position}].digest");
            Problem::registry(
                Code::DsInvalid,
                format!("{field} is not an even number of hexadecimal digits; copy the whole digest."),
                format!("{field} 不是偶数个十六进制数字，请完整填写摘要。"),
            )
            .field(field)
        })?;
        Ok(DelegationSigner { key_tag: ds.key_tag, algorithm: ds.algorithm, digest_type: ds.digest_type, digest })
    };
    given.into_iter().enumerate().map(convert).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect();
    let digits = digits?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

impl From<&registry::Resolution> for Resolution {
    fn from(resolution: &registry::Resolution) -> Self {
        match resolution {
            registry::Resolution::Addresses { addresses, ttl, www } => {
                Self::A { addresses: addresses.clone(), ttl: *ttl, www: *www }
            }
            registry::Resolution::Forward { target, code, keep_path, ttl, www } => {
                Self::Url { target: target.to_string(), code: *code, keep_path: *keep_path, ttl: *ttl, www: *www }
            }
            registry::Resolution::Delegation { servers, ds, ttl } => Self::Ns {
                servers: servers.iter().map(Server::from).collect(),
                ds: ds.iter().map(Ds::from).collect(),
                ttl: *ttl,
            },
        }
    }
}

impl From<&NameServer> for Server {
    fn from(server: &NameServer) -> Self {
        Self { host: server.host.to_string(), glue: server.glue.iter().map(IpAddr::to_string).collect() }
    }
}

impl From<&DelegationSigner> for Ds {
    fn from(ds: &DelegationSigner) -> Self {
        Self {
            key_tag: ds.key_tag,
            algorithm: ds.algorithm,
            digest_type: ds.digest_type,
            digest: super::super::token::hex(&ds.digest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<registry::Resolution, Problem> {
        serde_json::from_str::<ResolutionInput>(text).expect("well-formed").into_registry("resolution")
    }

    fn refused(text: &str) -> (&'static str, String) {
        let problem = read(text).unwrap_err();
        (problem.code.as_str(), problem.field.unwrap())
    }

    #[test]
    fn what_is_written_is_read_back() {
        let texts = [
            r#"{"type":"A","addresses":["203.0.113.5","2001:db8::5"]}"#,
            r#"{"type":"A","addresses":["203.0.113.5"],"ttl":60,"www":false}"#,
            r#"{"type":"URL","target":"https://site.example/","code":308,"keep_path":true,"ttl":120,"www":false}"#,
            r#"{"type":"URL","target":"https://site.example/"}"#,
            r#"{"type":"NS","servers":["NS1.Example.",{"host":"ns.x","glue":["192.0.2.1"]}],
                "ds":[{"key_tag":1,"algorithm":13,"digest_type":2,"digest":"00ffAb"}]}"#,
        ];
        for text in texts {
            let resolution = read(text).unwrap();
            let written = serde_json::to_string(&Resolution::from(&resolution)).unwrap();
            assert_eq!(read(&written).unwrap(), resolution, "{written}");
        }
    }

    #[test]
    fn defaults_are_those_of_the_rules() {
        let forward = read(r#"{"type":"URL","target":"https://site.example/"}"#).unwrap();
        let expected = registry::Resolution::Forward {
            target: "https://site.example/".into(),
            code: 302,
            keep_path: false,
            ttl: 300,
            www: true,
        };
        assert_eq!(forward, expected);
    }

    #[test]
    fn refusals_name_the_member() {
        let both = r#"{"type":"A","addresses":["203.0.113.5"],"target":"https://site.example/"}"#;
        assert_eq!(refused(both), ("unknown_field", "resolution.target".into()));
        assert_eq!(refused(r#"{"type":"URL"}"#), ("missing_field", "resolution.target".into()));
        let url = r#"{"type":"A","addresses":["203.0.113.5","http://site.example/"]}"#;
        assert_eq!(refused(url), ("address_invalid", "resolution.addresses[1]".into()));
        let glue = r#"{"type":"NS","servers":["a.example",{"host":"b.example","glue":["x"]}]}"#;
        assert_eq!(refused(glue), ("server_invalid", "resolution.servers[1].glue[0]".into()));
        for digest in ["0", "0g", "０１"] {
            let ds = format!(
                r#"{{"type":"NS","servers":[],"ds":[{{"key_tag":1,"algorithm":13,"digest_type":2,"digest":"{digest}"}}]}}"#
            );
            assert_eq!(refused(&ds), ("ds_invalid", "resolution.ds[0].digest".into()));
        }
    }
}
