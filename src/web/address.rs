//! Who is calling, by network: Rocket's own header reading is off, proxy headers are believed only from listed proxies.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv6Net};
use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use super::site::Site;

/// The caller's address, and the network that limits count by: one IPv4 address, or an IPv6 /64.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress {
    pub ip: IpAddr,
    pub network: String,
}

impl ClientAddress {
    /// From the socket's address and the proxy headers, which count only when the socket's end is a trusted proxy.
    pub fn of(request: &Request<'_>, site: &Site) -> Self {
        let socket = request.remote().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |remote| remote.ip());
        let forwarded: Vec<&str> = request.headers().get("X-Forwarded-For").flat_map(|value| value.split(',')).collect();
        let real = request.headers().get_one("X-Real-IP");
        Self::from_ip(caller(socket, &forwarded, real, &site.trusted_proxies))
    }

    fn from_ip(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        let network = match ip {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => Ipv6Net::new_assert(v6, 64).trunc().to_string(),
        };
        Self { ip, network }
    }
}

/// The nearest address that no trusted proxy of ours has: hops are read from the right, since anyone can write the left.
fn caller(socket: IpAddr, forwarded: &[&str], real: Option<&str>, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|network| network.contains(&ip.to_canonical()));
    if !is_trusted(&socket) {
        return socket;
    }
    let mut nearest = socket;
    for hop in forwarded.iter().rev() {
        let Some(ip) = parse(hop) else { return nearest };
        nearest = ip;
        if !is_trusted(&ip) {
            return ip;
        }
    }
    if forwarded.is_empty() { real.and_then(parse).unwrap_or(nearest) } else { nearest }
}

fn parse(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    hop.parse().ok().or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()))
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for ClientAddress {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        match request.rocket().state::<Site>() {
            Some(site) => Outcome::Success(Self::of(request, site)),
            None => Outcome::Forward(rocket::http::Status::InternalServerError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_spoofed_header_is_not_believed_without_a_trusted_proxy() {
        assert_eq!(caller(ip("203.0.113.9"), &["198.51.100.1"], Some("198.51.100.1"), &[]), ip("203.0.113.9"));
    }

    #[test]
    fn behind_proxies_the_nearest_unknown_hop_is_the_caller() {
        let trusted = ["10.0.0.0/8".parse().expect("a network")];
        let hops = ["6.6.6.6", " 198.51.100.1", "10.0.0.2"];
        assert_eq!(caller(ip("10.0.0.1"), &hops, None, &trusted), ip("198.51.100.1"));
        assert_eq!(caller(ip("10.0.0.1"), &[], Some("198.51.100.7"), &trusted), ip("198.51.100.7"));
        assert_eq!(caller(ip("10.0.0.1"), &["rubbish"], None, &trusted), ip("10.0.0.1"));
    }

    #[test]
    fn ipv6_counts_by_its_64() {
        let one = ClientAddress::from_ip(ip("2001:db8:1:2:3::1")).network;
        assert_eq!(one, ClientAddress::from_ip(ip("2001:db8:1:2:ffff::9")).network);
        assert_eq!(ClientAddress::from_ip(ip("::ffff:192.0.2.1")).network, "192.0.2.1");
    }
}
