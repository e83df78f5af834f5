"""Estimators with the interface of scikit-learn, over the recipes and the loop of ``training``."""
