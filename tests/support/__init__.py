"""What tests share: servers, runs, results, pages."""
