//! Shared access policies: whose signatures are accepted, and what they allow.

use std::str::FromStr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

/// A shared access policy of the namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The `SharedAccessKeyName` of a connection string.
    pub name: String,
    /// The `SharedAccessKey`.
    pub key: String,
    /// What a client with the key may do.
    pub rights: Rights,
}

/// What a token allows, besides asking for properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// To receive events.
    pub listen: bool,
    /// To publish events.
    pub send: bool,
}

/// What a link needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Listen,
    Send,
}

impl Rights {
    /// Of tokens that are not checked against a policy.
    pub(crate) const ALL: Self = Self {
        listen: true,
        send: true,
    };

    pub(crate) fn include(self, claim: Claim) -> bool {
        match claim {
            Claim::Listen => self.listen,
            Claim::Send => self.send,
        }
    }
}

/// `NAME:RIGHTS:KEY`, with the rights `listen`, `send` or `listen+send`.
impl FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let (Some(name), Some(rights), Some(key)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err("must be NAME:RIGHTS:KEY".to_owned());
        };
        let rights = match rights {
            "listen" => Rights {
                listen: true,
                send: false,
            },
            "send" => Rights {
                listen: false,
                send: true,
            },
            "listen+send" => Rights::ALL,
            _ => return Err("the rights must be `listen`, `send` or `listen+send`".to_owned()),
        };
        if name.is_empty() || key.is_empty() {
            return Err("the name and the key must not be empty".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            key: key.to_owned(),
            rights,
        })
    }
}

/// What a shared access signature allows; `None` if no policy has made it.
pub(crate) fn rights_of(policies: &[Policy], signature: &str) -> Option<Rights> {
    let fields = signature.strip_prefix("SharedAccessSignature ")?;
    let field = |name: &str| {
        let mut fields = fields.split('&').filter_map(|field| field.split_once('='));
        fields.find_map(|(key, value)| (key == name).then_some(value))
    };
    let decoded = |text| percent_decode_str(text).decode_utf8().ok();
    let name = decoded(field("skn")?)?;
    let policy = policies.iter().find(|policy| policy.name == name)?;
    let tag = STANDARD.decode(&*decoded(field("sig")?)?).ok()?;
    // Signed is what is written, as it is encoded.
    let signed = format!("{}\n{}", field("sr")?, field("se")?);
    let key = hmac::Key::new(hmac::HMAC_SHA256, policy.key.as_bytes());
    hmac::verify(&key, signed.as_bytes(), &tag).ok()?;
    Some(policy.rights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_written_as_name_rights_and_key() {
        let policy = Policy::from_str("reader:listen:a:b=").unwrap();
        assert_eq!(
            (policy.name.as_str(), policy.key.as_str()),
            ("reader", "a:b=")
        );
        assert!(policy.rights.include(Claim::Listen) && !policy.rights.include(Claim::Send));
        for bad in [
            "",
            "reader",
            "reader:listen",
            "reader:manage:k",
            ":listen:k",
            "reader:send:",
        ] {
            assert!(Policy::from_str(bad).is_err(), "{bad}");
        }
    }

    /// By `openssl dgst -sha256 -hmac secret`.
    #[test]
    fn a_signature_allows_what_its_policy_allows_and_only_with_its_key() {
        let signature = "SharedAccessSignature sr=amqps%3a%2f%2fhost%2fcalls&sig=ffPpkdTDVXAFk1avfPRrjSgqZKW6OyPzSxZDewbi06o%3D&se=1700000000&skn=reader";
        let rights = |name: &str, key: &str| {
            let policy = Policy {
                name: name.to_owned(),
                key: key.to_owned(),
                rights: Rights {
                    listen: true,
                    send: false,
                },
            };
            rights_of(&[policy], signature)
        };
        let allowed = rights("reader", "secret").expect("the signature fits");
        assert!(allowed.listen && !allowed.send);
        assert_eq!(rights("reader", "rotated"), None);
        assert_eq!(rights("other", "secret"), None);
        assert_eq!(rights_of(&[], "no signature"), None);
    }
}
