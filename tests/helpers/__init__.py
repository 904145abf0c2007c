"""What tests share: broken files, stubs, servers, and readers of what runs write."""
