"""What has become of the champion: drift, realised and estimated performance, business metrics, alarms."""
