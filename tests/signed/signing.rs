//! One zone signed in many ways.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// What every zone has, below its apex: all that can be asked about.
const CONTENTS: &str = "\
$TTL 3600
@ IN SOA ns1 hostmaster 2026112201 7200 3600 1209600 300
@ NS ns1
@ NS ns2
@ MX 10 mail
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
ns2 A 192.0.2.2
mail 600 A 192.0.2.3
www A 192.0.2.4
www AAAA 2001:db8::4
_sip._tcp SRV 0 0 5060 www
a.b.ent TXT \"below two empty non-terminals\"
*.wild A 192.0.2.5
*.wild TXT \"from a wildcard\"
there.wild A 192.0.2.6
*.toalias CNAME www
*.tonothing CNAME nothing
*.towild CNAME x.wild
a.*.odd A 192.0.2.7
alias CNAME www
dangling CNAME nothing
toent CNAME ent
chain CNAME chain.toalias
away CNAME www.elsewhere.test.
moved DNAME ent
tomoved CNAME a.b.moved
secure NS ns1.secure
secure NS ns2
ns1.secure A 192.0.2.8
secure DS 4711 13 2 abababababababababababababababababababababababababababababababab
insecure NS ns1.insecure
ns1.insecure A 192.0.2.9
d.opted NS ns.elsewhere.test.
x.e.opted NS ns.elsewhere.test.
*.w.mixed A 192.0.2.10
d.mixed NS ns2
\\000.odd A 192.0.2.11
\\001\\002.odd A 192.0.2.12
tomail MX 10 x.wild
tomail MX 20 mail
zzz A 192.0.2.13
";

/// A zone that was signed.
pub struct Signed {
    pub apex: String,
    pub file: PathBuf,
    /// Its key as delv takes it: flags, protocol, algorithm, key.
    pub anchor: String,
    pub denial: Denial,
}

impl Signed {
    /// Whether it was signed after all.
    pub fn is_signed(&self) -> bool {
        !self.anchor.is_empty()
    }
}

/// How it denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Denial {
    Nsec,
    Nsec3,
    OptOut,
}

/// Label of the apex, algorithm, and the signer's arguments for denial.
const BIND: &[(&str, &str, Denial, &[&str])] = &[
    ("nsec-ecdsa", "ECDSAP256SHA256", Denial::Nsec, &[]),
    ("nsec-rsa", "RSASHA256", Denial::Nsec, &[]),
    ("nsec3-ed25519", "ED25519", Denial::Nsec3, &["-3", "-", "-H", "0"]),
    ("nsec3-salt", "ECDSAP256SHA256", Denial::Nsec3, &["-3", "aabbccdd", "-H", "12"]),
    ("optout-rsa", "RSASHA256", Denial::OptOut, &["-A", "-3", "-", "-H", "0"]),
    ("optout-salt", "ECDSAP256SHA256", Denial::OptOut, &["-A", "-3", "0123456789", "-H", "5"]),
];
/// The same for ldns.
const LDNS: &[(&str, &str, Denial, &[&str])] = &[
    ("ldns-nsec", "ED25519", Denial::Nsec, &[]),
    ("ldns-nsec3", "RSASHA256", Denial::Nsec3, &["-n", "-s", "beef", "-t", "3"]),
    ("ldns-optout", "ECDSAP256SHA256", Denial::OptOut, &["-n", "-p", "-t", "0"]),
];

/// Signs the zone in all ways.
pub fn sign_all(directory: &Path) -> Vec<Signed> {
    let bind = BIND.iter().map(|&(label, algorithm, denial, arguments)| {
        let apex = format!("{label}.test.");
        let plain = write_plain(directory, &apex);
        sign(directory, &apex, &plain, algorithm, denial, arguments)
    });
    let ldns = LDNS.iter().map(|&(label, algorithm, denial, arguments)| {
        let apex = format!("{label}.test.");
        let plain = write_plain(directory, &apex);
        let mut keygen = Command::new("ldns-keygen");
        keygen.args(["-k", "-a", algorithm]).args(bits(algorithm)).arg(&apex);
        let key = run(directory, &mut keygen);
        let file = directory.join(format!("{apex}signed"));
        let mut signer = Command::new("ldns-signzone");
        // Signed an hour ago, as BIND's tool does: dnsviz warns of what a slow clock would not take yet.
        let inception = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 3600;
        signer
            .args(["-A", "-i", &inception.to_string(), "-o", &apex, "-f"])
            .arg(&file)
            .args(arguments)
            .arg(plain)
            .arg(&key);
        run(directory, &mut signer);
        Signed { anchor: anchor(directory, &key), apex, file, denial }
    });
    bind.chain(ldns).collect()
}

/// Signs the zone in the file `plain` with BIND's tools and a new key.
pub fn sign(directory: &Path, apex: &str, plain: &Path, algorithm: &str, denial: Denial, arguments: &[&str]) -> Signed {
    let mut keygen = Command::new("dnssec-keygen");
    keygen.args(["-q", "-a", algorithm, "-f", "KSK"]).args(bits(algorithm)).arg(apex);
    let key = run(directory, &mut keygen);
    let file = directory.join(format!("{apex}signed"));
    let mut signer = Command::new("dnssec-signzone");
    // -P: with opt-out names may lack what its own check expects; delv checks the answers. -z: one key signs all.
    signer.args(["-q", "-z", "-P", "-S", "-K", ".", "-o", apex, "-f"]).arg(&file).args(arguments).arg(plain);
    run(directory, &mut signer);
    Signed { anchor: anchor(directory, &key), apex: apex.to_owned(), file, denial }
}

/// The DS record of a zone, for its parent.
pub fn ds(directory: &Path, zone: &Signed) -> String {
    run(directory, Command::new("dnssec-dsfromkey").args(["-2", "-f"]).arg(&zone.file).arg(&zone.apex))
}

fn bits(algorithm: &str) -> &'static [&'static str] {
    if algorithm.starts_with("RSA") { &["-b", "2048"] } else { &[] }
}

/// The zone before it is signed.
pub fn write_plain(directory: &Path, apex: &str) -> PathBuf {
    let file = directory.join(format!("{apex}plain"));
    fs::write(&file, format!("$ORIGIN {apex}\n{CONTENTS}")).unwrap();
    file
}

/// The key as the DNSKEY record has it.
fn anchor(directory: &Path, key: &str) -> String {
    let text = fs::read_to_string(directory.join(format!("{key}.key"))).unwrap();
    let line = text.lines().find(|line| line.contains("DNSKEY")).unwrap();
    let line = line.split(';').next().unwrap_or_default();
    let fields: Vec<&str> = line.split_whitespace().skip_while(|field| *field != "DNSKEY").skip(1).collect();
    let (numbers, key) = fields.split_at(3);
    format!("{} \"{}\"", numbers.join(" "), key.concat())
}

fn run(directory: &Path, command: &mut Command) -> String {
    let output = command.current_dir(directory).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}; tests/run installs it"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
