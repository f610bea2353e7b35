//! Three invented resources, their habits and client libraries.
//!
//! Data and nothing else. Names are Microsoft's own for examples (Contoso, Fabrikam), addresses
//! are from the networks that RFC 5737 reserves for documentation.

use super::model::Media;

/// A Communication Services resource.
#[derive(Debug, PartialEq)]
pub(crate) struct Resource {
    /// Its name, which is also the first part of its endpoint's host.
    pub(crate) name: &'static str,
    /// The group that it is in.
    pub(crate) resource_group: &'static str,
    /// The subscription that it is in.
    pub(crate) subscription_id: &'static str,
    /// Its share of all calls. The shares sum to 1.
    pub(crate) call_share: f64,
    /// The first three octets of its callers' addresses.
    pub(crate) network: &'static str,
    /// What most of its recordings are.
    pub(crate) usual_media: Media,
    /// The other recordings, with the share of each.
    pub(crate) other_media: &'static [(f64, Media)],
    /// The client library that it uses most.
    pub(crate) usual_sdk: &'static Sdk,
    /// Another, in a fifth of its calls: a service that is being rewritten, or a script.
    pub(crate) other_sdk: &'static Sdk,
    /// The share of its recordings that are paused, for example while a card number is read out.
    pub(crate) pause_share: f64,
    /// The share of its calls that go over the telephone network.
    pub(crate) pstn_share: f64,
}

/// A client library and the version of the API that it speaks.
#[derive(Debug, PartialEq)]
pub(crate) struct Sdk {
    /// `sdkType`
    pub(crate) name: &'static str,
    /// `sdkVersion`
    pub(crate) version: &'static str,
    /// `operationVersion`
    pub(crate) api_version: &'static str,
}

/// Many calls, nearly all telephone.
pub(crate) static CONTACT_CENTER: Resource = Resource {
    name: "contoso-contact-center",
    resource_group: "contoso-voice-prod",
    subscription_id: "5f2b8f0e-3c1d-4b6a-9a57-0d1e6c7f8a21",
    call_share: 0.65,
    network: "192.0.2",
    usual_media: Media::AudioMp3,
    other_media: &[(0.30, Media::AudioUnmixed), (0.10, Media::AudioWav)],
    usual_sdk: &DOTNET,
    other_sdk: &JAVA,
    pause_share: 0.18,
    pstn_share: 0.30,
};

/// Some calls, voice and video.
pub(crate) static SUPPORT: Resource = Resource {
    name: "contoso-support",
    resource_group: "contoso-support-prod",
    subscription_id: "5f2b8f0e-3c1d-4b6a-9a57-0d1e6c7f8a21",
    call_share: 0.27,
    network: "198.51.100",
    usual_media: Media::AudioMp3,
    other_media: &[(0.35, Media::Video), (0.10, Media::AudioWav)],
    usual_sdk: &JAVASCRIPT,
    other_sdk: &PYTHON,
    pause_share: 0.08,
    pstn_share: 0.10,
};

/// Few calls, nearly all video.
pub(crate) static TELEHEALTH: Resource = Resource {
    name: "fabrikam-telehealth",
    resource_group: "fabrikam-care",
    subscription_id: "b83c1c55-7f0a-4e0c-8a0e-6d1f2b9e4c70",
    call_share: 0.08,
    network: "203.0.113",
    usual_media: Media::Video,
    other_media: &[(0.15, Media::AudioMp3)],
    usual_sdk: &JAVA,
    other_sdk: &UNKNOWN,
    pause_share: 0.05,
    pstn_share: 0.02,
};

/// All of them, the busiest first.
pub(crate) static RESOURCES: [&Resource; 3] = [&CONTACT_CENTER, &SUPPORT, &TELEHEALTH];

static DOTNET: Sdk = Sdk {
    name: "dotnet",
    version: "1.2.0",
    api_version: "2024-04-15",
};

static JAVA: Sdk = Sdk {
    name: "java",
    version: "1.1.0",
    api_version: "2023-10-15",
};

static JAVASCRIPT: Sdk = Sdk {
    name: "javascript",
    version: "1.2.0",
    api_version: "2024-04-15",
};

static PYTHON: Sdk = Sdk {
    name: "python",
    version: "1.0.0",
    api_version: "2023-03-06",
};

/// A caller without an SDK is `unknown` in the documentation's samples, with an empty version.
static UNKNOWN: Sdk = Sdk {
    name: "unknown",
    version: "",
    api_version: "2023-03-06",
};
