use std::fmt;

use super::options::{KafkaOptions, MESSAGE_BYTE_COUNT_MAX};
use super::topics::{Topic, Topics};

/// What is unsafe about topics: which ones, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hazard {
    /// The topics: one at least.
    pub topics: Vec<String>,
    /// What they have, what that leads to, and what they should have.
    pub reason: String,
}

impl fmt::Display for Hazard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.topics.len() == 1 { "topic" } else { "topics" };
        write!(formatter, "{word} `{}`: {}", self.topics.join("`, `"), self.reason)
    }
}

impl Topics {
    /// What is unsafe about the topics of a cluster: settings under which what was acknowledged can be lost, or writing
    /// stops sooner than it must.
    pub fn hazards(&self, options: &KafkaOptions) -> Vec<Hazard> {
        let [activity, meta] = [options.activity_topic(), options.meta_topic()];
        let partitions = self.partitions(options);
        let mut hazards: Vec<Hazard> = Vec::new();
        for name in [activity.clone(), options.state_topic(), options.rows_topic(), meta.clone()] {
            let mut add = |reason: String| match hazards.iter_mut().find(|hazard| hazard.reason == reason) {
                Some(hazard) => hazard.topics.push(name.clone()),
                None => hazards.push(Hazard { topics: vec![name.clone()], reason }),
            };
            let Some(topic) = self.get(&name) else {
                add("it is not there; make the topics of the cluster".to_owned());
                continue;
            };
            topic.check_copies(&mut add);
            topic.check_cleanup(name == activity, &mut add);
            let expected = if name == meta { Some(1) } else { partitions };
            if expected.is_some_and(|expected| expected != topic.partitions) {
                let expected = expected.unwrap_or_default();
                add(format!("it has {} partitions and must have {expected}", topic.partitions));
            }
        }
        hazards
    }
}

impl Topic {
    fn number(&self, setting: &str) -> Option<i64> {
        self.settings.get(setting)?.parse().ok()
    }

    fn check_copies(&self, add: &mut impl FnMut(String)) {
        let copies = i64::from(self.replication_factor);
        let least = self.number("min.insync.replicas").unwrap_or(1);
        if copies < 3 {
            add(format!(
                "replication factor is {copies}; with less than 3, one broker lost and one at rest is data lost"
            ));
        }
        if least < 2 {
            add(format!("min.insync.replicas is {least}; below 2, what one broker alone has counts as written"));
        }
        if least > copies {
            add(format!("min.insync.replicas is {least} of {copies} copies; nothing can be written"));
        } else if least == copies && copies > 1 {
            add(format!(
                "min.insync.replicas is {least} of {copies} copies; nothing can be written while a broker rests"
            ));
        }
        if self.settings.get("unclean.leader.election.enable").is_some_and(|value| value != "false") {
            add("unclean.leader.election.enable is on; a broker that missed messages may become their keeper"
                .to_owned());
        }
    }

    fn check_cleanup(&self, is_input: bool, add: &mut impl FnMut(String)) {
        const HOUR_MS: i64 = 3_600_000;
        const MINUTE_MS: i64 = 60_000;
        let policy = self.settings.get("cleanup.policy").map_or("delete", String::as_str);
        let expected = if is_input { "delete" } else { "compact" };
        if policy != expected {
            add(format!("cleanup.policy is {policy} and must be {expected}, or what is needed is removed"));
        }
        let retention = self.number("retention.ms").unwrap_or(-1);
        if is_input && (0..24 * HOUR_MS).contains(&retention) {
            add(format!(
                "retention.ms is {retention}; input that waits longer is removed uncounted, keep it a day at least"
            ));
        }
        if is_input && self.number("retention.bytes").is_some_and(|byte_count| byte_count >= 0) {
            add("retention.bytes is set; input beyond it is removed uncounted".to_owned());
        }
        let lag = self.number("min.compaction.lag.ms").unwrap_or(0);
        if !is_input && lag < MINUTE_MS {
            add(format!(
                "min.compaction.lag.ms is {lag}; below {MINUTE_MS}, nodes that read may miss what they wait for"
            ));
        }
        let removals = self.number("delete.retention.ms").unwrap_or(24 * HOUR_MS);
        if !is_input && removals < HOUR_MS {
            add(format!("delete.retention.ms is {removals}; below {HOUR_MS}, a slow reader misses removals"));
        }
        let largest = self.number("max.message.bytes").unwrap_or(0);
        if usize::try_from(largest).is_ok_and(|largest| largest < MESSAGE_BYTE_COUNT_MAX) {
            add(format!("max.message.bytes is {largest}; a message may have {MESSAGE_BYTE_COUNT_MAX}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::kafka::{KafkaOptions, TopicPlan, Topics};

    /// Hazards of the topics that the plan makes, after the change.
    fn hazards(plan: &TopicPlan, change: impl FnOnce(&mut Topics)) -> Vec<String> {
        let options = KafkaOptions::new("127.0.0.1:9092");
        let mut topics = Topics { topics: plan.topics(&options).to_vec() };
        change(&mut topics);
        topics.hazards(&options).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_default_plan_is_safe() {
        assert_eq!(hazards(&TopicPlan::new(12), |_| {}), Vec::<String>::new());
    }

    #[test]
    fn too_few_copies_are_told_once_for_all_topics() {
        let plan = |replication_factor, min_insync_replicas| TopicPlan {
            replication_factor,
            min_insync_replicas,
            ..TopicPlan::new(12)
        };
        for (plan, count, words) in [
            (plan(1, 1), 2, "replication factor is 1"),
            (plan(2, 2), 2, "while a broker rests"),
            (plan(3, 1), 1, "min.insync.replicas is 1"),
            (plan(3, 3), 1, "3 of 3 copies"),
            (plan(2, 3), 2, "nothing can be written"),
        ] {
            let found = hazards(&plan, |_| {});
            assert_eq!(found.len(), count, "{found:?}");
            assert!(found.iter().any(|hazard| hazard.contains(words)), "{found:?}");
            let all = "topics `dauphin.activity`, `dauphin.state`, `dauphin.rows`, `dauphin.meta`: ";
            assert!(found.iter().all(|hazard| hazard.starts_with(all)), "{found:?}");
        }
        let short = TopicPlan { activity_retention: Duration::from_hours(1), ..TopicPlan::new(12) };
        let found = hazards(&short, |_| {});
        assert!(found.len() == 1 && found[0].contains("`dauphin.activity`: retention.ms is 3600000"), "{found:?}");
    }

    #[test]
    fn what_was_changed_since_is_told() {
        for (topic, setting, value, words) in [
            (0, "cleanup.policy", "compact,delete", "cleanup.policy is compact,delete and must be delete"),
            (0, "retention.bytes", "1000", "retention.bytes is set"),
            (1, "cleanup.policy", "delete", "cleanup.policy is delete and must be compact"),
            (1, "delete.retention.ms", "1000", "delete.retention.ms is 1000"),
            (2, "min.compaction.lag.ms", "0", "min.compaction.lag.ms is 0"),
            (2, "max.message.bytes", "1048588", "max.message.bytes is 1048588"),
            (3, "unclean.leader.election.enable", "true", "unclean.leader.election.enable is on"),
        ] {
            let found = hazards(&TopicPlan::new(12), |topics| {
                topics.topics[topic].settings.insert(setting.to_owned(), value.to_owned());
            });
            assert!(found.len() == 1 && found[0].contains(words), "{setting}: {found:?}");
        }
        let found = hazards(&TopicPlan::new(12), |topics| topics.topics[1].partitions = 24);
        assert_eq!(found, ["topic `dauphin.state`: it has 24 partitions and must have 12"]);
        let found = hazards(&TopicPlan::new(12), |topics| drop(topics.topics.pop()));
        assert_eq!(found, ["topic `dauphin.meta`: it is not there; make the topics of the cluster"]);
    }
}
