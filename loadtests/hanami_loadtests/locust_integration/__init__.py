"""What ties the load tests to Locust. Nothing outside this folder and the locustfile imports it."""
