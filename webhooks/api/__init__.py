"""REST for what lies around the inbox: a person's endpoints, wearables and traces."""
