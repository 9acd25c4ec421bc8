# The controller, and the first start that makes its keys. Built from the root of the repository.
FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends espeak-ng && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY requirements/controller.txt requirements.txt
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.txt
COPY wire wire
COPY schedules schedules
COPY audio audio
COPY controller controller
COPY deploy/first_start.py deploy/first_start.py
# A new volume takes its owner from the directory that it is mounted on.
RUN python -m compileall -q . && useradd --uid 10001 --user-group --no-create-home loacast \
  && install -d -o loacast -g loacast -m 0700 /data /broker /gateways/1 /gateways/2 /gateways/3
USER 10001:10001
ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 LOACAST_DATA_DIR=/data LOACAST_BROKER_DIR=/broker LOACAST_HOST=0.0.0.0
EXPOSE 8000
CMD ["python", "-m", "controller", "serve"]
