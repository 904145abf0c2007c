"""What labels say of their own quality when nobody has looked: agreement, and what stands out."""
