# A gateway that records what would have sounded. Built from the root of the repository.
FROM python:3.12-slim
# With which it hears a live voice.
RUN apt-get update && apt-get install -y --no-install-recommends libopus0 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements/agent.txt requirements.txt
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
COPY wire wire
COPY device_agent device_agent
RUN python -m compileall -q . && useradd --uid 10001 --user-group --no-create-home loacast \
  && install -d -o loacast -g loacast -m 0700 /data
USER 10001:10001
ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 LOACAST_AGENT_CREDENTIAL=/data/credential.json \
  LOACAST_AGENT_STATE_DIR=/data/state LOACAST_AGENT_SINK=file:/data/sound
CMD ["python", "-m", "device_agent", "run"]
