-- What the two other roles need. Run at every start: the names come from the credentials, and may change with them.
GRANT USAGE ON SCHEMA directflow TO {writer}, {reader};
GRANT INSERT ON directflow.engagement_events TO {writer};
GRANT SELECT, INSERT ON directflow.engagement_identities TO {writer};
GRANT SELECT, INSERT, UPDATE ON directflow.engagement_subscriptions TO {writer};
GRANT SELECT ON directflow.engagement_events, directflow.engagement_subscriptions TO {reader};
GRANT SELECT, UPDATE ON directflow.definition_counter TO {writer};
GRANT INSERT ON directflow.definition_revisions TO {writer};
GRANT SELECT, INSERT, UPDATE ON directflow.definition_documents TO {writer};
GRANT SELECT, INSERT, DELETE ON directflow.definition_references TO {writer};
GRANT SELECT, INSERT ON directflow.definition_requests TO {writer};
GRANT SELECT ON directflow.definition_revisions, directflow.definition_documents TO {reader};
