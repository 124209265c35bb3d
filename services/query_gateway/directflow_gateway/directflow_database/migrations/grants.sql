-- What the two other roles need. Run at every start: the names come from the credentials, and may change with them.
GRANT USAGE ON SCHEMA directflow TO {writer}, {reader};
GRANT INSERT ON directflow.engagement_events TO {writer};
GRANT SELECT, INSERT ON directflow.engagement_identities TO {writer};
GRANT SELECT, INSERT, UPDATE ON directflow.engagement_subscriptions TO {writer};
GRANT SELECT ON directflow.engagement_events, directflow.engagement_subscriptions TO {reader};
