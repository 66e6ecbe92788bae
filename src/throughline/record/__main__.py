"""Print the JSON Schema of a run's record: ``python -m throughline.record > docs/record.schema.json``."""

import json

from throughline.record.run import json_schema

if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=1))
