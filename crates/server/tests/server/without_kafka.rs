//! A binary without Kafka knows every word of a cluster, and says what it lacks.

use crate::support::{Place, said};

const LINES: [&str; 6] = [
    "serve --store kafka --brokers 127.0.0.1:9 --kafka-property sasl.password=secret",
    "check --store kafka --brokers 127.0.0.1:9",
    "cluster init --brokers 127.0.0.1:9 --workspace shop --zone Europe/Paris --app Web=web --allow-unsafe",
    "cluster status --brokers 127.0.0.1:9 --json",
    "cluster import --brokers 127.0.0.1:9 data",
    "cluster export --brokers 127.0.0.1:9 other",
];

#[test]
fn every_command_on_a_cluster_says_so() {
    let place = Place::new();
    for line in LINES {
        let refusal = place.run(line);
        refusal.refused(1, &["this dauphin was built without Kafka; build it with `--features kafka`"]);
        assert!(!refusal.stderr.contains("secret"), "{line}: {}", refusal.stderr);
    }
    assert!(!place.path("other").exists());
}

#[test]
fn a_cluster_is_a_setting_like_any_other() {
    let place = Place::new();
    let settings = "store = 'kafka'\nbrokers = 'a:1,b:2'\ntopic_prefix = 'shop'\nsession_timeout = 10\n\
                    kafka_property = ['ssl.key.password=x', 'security.protocol=ssl']\n";
    place.write("dauphin.toml", settings);
    let mut serve = place.command(&["serve"]);
    let shown = "settings: store=kafka brokers=a:1,b:2 topic_prefix=shop \
                 kafka_properties=ssl.key.password,security.protocol session_timeout=10s ";
    said(&mut serve).refused(1, &[shown, "built without Kafka"]);
    serve.env("DAUPHIN_BROKERS", "c:3").args(["--session-timeout", "6"]);
    said(&mut serve).refused(1, &["brokers=c:3 topic_prefix=shop ", " session_timeout=6s "]);
    // The file says where; a data directory beside it is one place too many.
    serve.env("DAUPHIN_DATA", "data");
    said(&mut serve).refused(2, &["--data is for --store embedded"]);
}
