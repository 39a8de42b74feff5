"""Which arrays does a card see? Recipes, designs and the parts of the linear model."""
