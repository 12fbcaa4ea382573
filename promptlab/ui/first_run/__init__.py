"""What a person sees who has nothing yet: four ways to a first answer."""
