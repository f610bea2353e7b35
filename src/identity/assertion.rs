//! Authenticates an application with its certificate: by a JWT that is signed with the certificate's key ("Microsoft
//! identity platform application authentication certificate credentials").
//!
//! `azure_identity` can do this too, but needs OpenSSL, which a fresh machine lacks. This module signs with the
//! cryptographic library that TLS needs anyway.

use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use azure_core::base64::encode_url_safe;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::ClientMethodOptions;
use azure_identity::ClientAssertion;
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::secret_file;

/// Microsoft's page allows "5-10 minutes after nbf at most". The assertion is used at once.
const VALID_FOR: i64 = 10 * 60;

/// Signs with the certificate and the key that are in the file at the time of signing.
#[derive(Debug)]
pub(super) struct SignedAssertion {
    /// The client id of the application.
    pub(super) client_id: String,
    /// The token endpoint.
    pub(super) audience: String,
    pub(super) file: PathBuf,
}

#[async_trait::async_trait]
impl ClientAssertion for SignedAssertion {
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        self.sign(OffsetDateTime::now_utc().unix_timestamp(), rand::random())
    }
}

impl SignedAssertion {
    /// The assertion for the time `now`, with a number that makes it unique. An error names the file, but contains nothing
    /// of its content.
    fn sign(&self, now: i64, number: u128) -> azure_core::Result<String> {
        let file = self.file.display();
        let failed = |problem: String| Error::with_message(ErrorKind::Credential, problem);
        let pem = secret_file::read_for_credential(&self.file)?;
        let pem = pem.secret().as_bytes();
        // The first certificate is the application's; those of its issuers may follow.
        let certificate = CertificateDer::from_pem_slice(pem).map_err(|_| {
            failed(format!(
                "file `{file}` has no certificate in PEM (`-----BEGIN CERTIFICATE-----`)"
            ))
        })?;
        let key = PrivateKeyDer::from_pem_slice(pem).map(Zeroizing::new);
        let key = key.map_err(|_| {
            failed(format!(
                "file `{file}` has no private key in PEM without a passphrase (`-----BEGIN PRIVATE KEY-----`)"
            ))
        })?;
        let signing_key = any_supported_type(&key)
            .ok()
            .and_then(|key| key.choose_scheme(&[SignatureScheme::RSA_PSS_SHA256]));
        let signing_key = signing_key.ok_or_else(|| {
            failed(format!(
                "the private key in file `{file}` is not an RSA key of 2048 to 8192 bits"
            ))
        })?;

        let header = json!({
            "alg": "PS256",
            "typ": "JWT",
            "x5t#S256": encode_url_safe(digest(&SHA256, &certificate)),
        });
        let claims = json!({
            "aud": self.audience,
            "iss": self.client_id,
            "sub": self.client_id,
            "jti": format!("{number:032x}"),
            "nbf": now,
            "exp": now + VALID_FOR,
        });
        let signed = format!("{}.{}", encoded(&header), encoded(&claims));
        let signature = signing_key.sign(signed.as_bytes()).map_err(|_| {
            failed(format!(
                "signing with the private key in file `{file}` failed"
            ))
        })?;
        Ok(format!("{signed}.{}", encode_url_safe(signature)))
    }
}

fn encoded(part: &Value) -> String {
    encode_url_safe(part.to_string())
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
    use azure_core::base64::decode_url_safe;
    use rcgen::{CertificateParams, KeyPair as CertificateKey, PKCS_RSA_SHA256};

    use super::*;

    fn assertion(pem: &str) -> (SignedAssertion, tempfile::NamedTempFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pem).unwrap();
        let assertion = SignedAssertion {
            client_id: "client".to_owned(),
            audience: "https://localhost/tenant/oauth2/v2.0/token".to_owned(),
            file: file.path().to_owned(),
        };
        (assertion, file)
    }

    #[test]
    fn an_assertion_is_signed_and_names_its_certificate() {
        let key = CertificateKey::generate_for(&PKCS_RSA_SHA256).unwrap();
        let certificate = CertificateParams::new(Vec::new())
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let (assertion, _file) =
            assertion(&format!("{}{}", key.serialize_pem(), certificate.pem()));
        let jwt = assertion.sign(1_700_000_000, 7).unwrap();

        let (signed, signature) = jwt.rsplit_once('.').unwrap();
        let public_key = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.public_key_raw());
        public_key
            .verify(signed.as_bytes(), &decode_url_safe(signature).unwrap())
            .expect("the key of the certificate has signed it");
        let parts: Vec<Value> = signed
            .split('.')
            .map(|part| serde_json::from_slice(&decode_url_safe(part).unwrap()).unwrap())
            .collect();
        let thumbprint = encode_url_safe(digest(&SHA256, certificate.der()));
        assert_eq!(
            parts,
            [
                json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint}),
                json!({
                    "aud": "https://localhost/tenant/oauth2/v2.0/token", "iss": "client", "sub": "client",
                    "jti": "00000000000000000000000000000007", "nbf": 1_700_000_000, "exp": 1_700_000_600,
                }),
            ]
        );
    }

    #[test]
    fn an_error_names_what_is_wrong_with_the_file() {
        let key = CertificateKey::generate().unwrap(); // of an elliptic curve
        let certificate = CertificateParams::new(Vec::new())
            .unwrap()
            .self_signed(&key)
            .unwrap()
            .pem();
        let both = format!("{certificate}{}", key.serialize_pem());
        for (pem, expected) in [
            ("", "cannot be read"),
            ("secret", "has no certificate in PEM"),
            (certificate.as_str(), "has no private key in PEM"),
            (both.as_str(), "is not an RSA key"),
        ] {
            let (assertion, _file) = assertion(pem);
            let error = assertion.sign(0, 0).unwrap_err().to_string();
            assert!(
                error.contains(expected) && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
